#include <string.h>
#include "ear/ear.h"
#include "ear/timbre.h"
#define W __attribute__((weak))
#include <stdlib.h>
#include "ear/contour.h"
W int ear_contour(const struct ear_sound *s, const cancel_flag *c, struct contour *r, struct madrigal_error *e){(void)s,(void)c,(void)e;memset(r,0,sizeof *r);return 0;}
W void contour_release(struct contour *c){(void)c;}

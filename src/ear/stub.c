#include <string.h>
#include "ear/ear.h"
#include "ear/timbre.h"
#define W __attribute__((weak))
W int ear_harmony(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *c, struct heard_harmony *h, struct madrigal_error *e){(void)s,(void)c,(void)r,(void)e;h->tonic_pc=-1;return 0;}
W int ear_form(const struct ear_sound *s, const struct heard_rhythm *r, const struct heard_harmony *h, const cancel_flag *c, struct heard_form *f,struct madrigal_error *e){(void)s,(void)c,(void)r,(void)e;(void)h;(void)f;return 0;}
W int ear_singer(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *c, struct heard_singer *ret, struct madrigal_error *e){(void)s,(void)c,(void)r,(void)e;(void)ret;ret->female=-1;return 0;}
W void parts_of(struct heard_timbre *t){(void)t;}
#include <stdlib.h>
#include "ear/contour.h"
W int ear_contour(const struct ear_sound *s, const cancel_flag *c, struct contour *r, struct madrigal_error *e){(void)s,(void)c,(void)e;memset(r,0,sizeof *r);return 0;}
W void contour_release(struct contour *c){(void)c;}

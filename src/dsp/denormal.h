/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers near zero (denormals) make a filter's silence many times slower than its music. A job calls denormals_off() at its start and denormals_restore()
 * with the result at its end. Where the processor is unknown, both do nothing. */
#ifndef DSP_DENORMAL_H
#define DSP_DENORMAL_H

#if defined(__SSE__)
#include <xmmintrin.h>
static inline unsigned denormals_off(void)
{
	unsigned was = _mm_getcsr();
	_mm_setcsr(was | 0x8040u); /* flush to zero, denormals are zero */
	return was;
}
static inline void denormals_restore(unsigned was) { _mm_setcsr(was); }
#else
static inline unsigned denormals_off(void) { return 0; }
static inline void denormals_restore(unsigned was) { (void)was; }
#endif

#endif

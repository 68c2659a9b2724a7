/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transforms of real sounds (FFTW), one plan for each direction. */
#ifndef DSP_FFT_H
#define DSP_FFT_H

#include <complex.h>

#include <fftw3.h>

struct fft {
	int n;
	float *time;          /* n, aligned; owned */
	fftwf_complex *freq;  /* n / 2 + 1; owned */
	fftwf_plan forward, inverse;
};

/* n: any length that FFTW takes; powers of two are quick. 0 or MADRIGAL_EMEMORY. Any number of threads may do this at once. */
int fft_init(struct fft *f, int n);
void fft_release(struct fft *f); /* also of a zeroed or released one */
/* time to freq; time is kept. Not scaled. */
static inline void fft_forward(struct fft *f) { fftwf_execute(f->forward); }
/* freq to time, n times as large as what went in; freq is destroyed. */
static inline void fft_inverse(struct fft *f) { fftwf_execute(f->inverse); }

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/fft.h"

#include <pthread.h>
#include <string.h>

#include "base/err.h"

/* FFTW's planner is not for several threads at once; its plans are. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

int fft_init(struct fft *f, int n)
{
	memset(f, 0, sizeof(*f));
	f->n = n;
	f->time = fftwf_alloc_real((size_t)n);
	f->freq = fftwf_alloc_complex((size_t)n / 2 + 1);
	if (f->time && f->freq) {
		pthread_mutex_lock(&planner);
		/* Measured plans would differ from run to run, and with them the last bits. */
		f->forward = fftwf_plan_dft_r2c_1d(n, f->time, f->freq, FFTW_ESTIMATE);
		f->inverse = fftwf_plan_dft_c2r_1d(n, f->freq, f->time, FFTW_ESTIMATE);
		pthread_mutex_unlock(&planner);
	}
	if (!f->forward || !f->inverse) {
		fft_release(f);
		return MADRIGAL_EMEMORY;
	}
	return 0;
}

void fft_release(struct fft *f)
{
	pthread_mutex_lock(&planner);
	if (f->forward)
		fftwf_destroy_plan(f->forward);
	if (f->inverse)
		fftwf_destroy_plan(f->inverse);
	pthread_mutex_unlock(&planner);
	fftwf_free(f->time);
	fftwf_free(f->freq);
	memset(f, 0, sizeof(*f));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line, sung: spoken, bent, decoded, levelled, finished with breath and fades. */
#include "voice/sing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "voice/breathe.h"
#include "voice/finish.h"
#include "voice/text_bend.h"
#include "voice/tune.h"
#include "voice/psola.h"
#include "voice/world.h"

#define BEFORE_S 0.25           /* sung before the first consonant and after the last: silence that the network needs around a line */
#define AFTER_S 0.30
#define AROUND_BEFORE_S 0.06     /* from so long before a line's first sound on, no more silence */
#define AROUND_AFTER_S 0.16     /* from so long after a line's last sound on, silence: the last dies away, and the step to the silence's energy clicks, which must not be heard */
#define SILENCE_ENERGY 4.0f     /* the network's energy for it: what the softest tenth of voiced speech has (four songs of four singers: median 7 to 8, true silence -9) */
#define ENDING_ENERGY 7.0f      /* at least, in the vowel and the sonorants that a line ends with: speech falls to 4 or 5 there, and low notes held on it creak */
#define SILENCE_SHARE 0.8       /* its weight in the network's means and variances against the line's: without it held vowels break up (docs/voice.md) */
#define VOICED_HZ 60.0f         /* below it, the spoken pitch means: unvoiced */
#define VOICE_ENDS_S 0.02       /* after the last sound */
#define UNVOICED_HZ 8.0f        /* what the network's own prosody has in silence */
#define NETWORK_HEADROOM 4       /* semitones below the singer's highest note: above, retuning sounds better than the network (docs/voice.md) */
#define RAP_BELOW 5             /* semitones below the singer's lowest note to which speech falls */
#define RAP_MELODY 0.8          /* share of the spoken line's own movement that is kept: its pitches stay nearer to the notes' */
#define RAP_LEVEL 0.6            /* share of the spoken line's fall that is taken back: a rapper keeps the voice up to the rhyme */
#define RAP_GLIDE_MS 60
#define SAME_THROAT 0.004        /* of a factor of the resonances: nobody hears less */

/* ---- bending the features ---- */

static int bent_init(struct bent *b, const struct sung_plan *p)
{
	const struct sung_span *last = &p->spans[p->line->n_syllables - 1];
	b->t0 = p->spans[0].onset_start - BEFORE_S;
	b->n = (int)ceil((last->coda_end + AFTER_S - b->t0) / FRAME_S);
	size_t n = (size_t)b->n;
	b->text = calloc(n * TEXT_CHANNELS, sizeof *b->text);
	b->pitch = calloc(2 * n, sizeof *b->pitch);
	b->energy = calloc(2 * n, sizeof *b->energy);
	b->weights = calloc(n, sizeof *b->weights);
	return b->text && b->pitch && b->energy && b->weights;
}

static void bent_release(struct bent *b)
{
	free(b->text);
	free(b->pitch);
	free(b->energy);
	free(b->weights);
}

static int is_around(const struct sung_plan *p, double t)
{
	return t < p->spans[0].onset_start - AROUND_BEFORE_S || t > p->spans[p->line->n_syllables - 1].coda_end + AROUND_AFTER_S;
}

/* Gives the silence around a sung line its share of the means. (What is rapped is as long as it is spoken, and the network is at home there.) */
static void weigh_silence(const struct sung_plan *p, struct bent *b)
{
	double silent = 0, sung = 0;
	for (int f = 0; f < b->n; f++)
		*(is_around(p, b->t0 + (f + 0.5) * FRAME_S) ? &silent : &sung) += (double)b->weights[f];
	for (int f = 0; f < b->n && silent > 0; f++)
		if (is_around(p, b->t0 + (f + 0.5) * FRAME_S))
			b->weights[f] *= (float)(SILENCE_SHARE * sung / silent);
}

static float sample_at(const float *x, int n, double at)
{
	at = fmin(fmax(at - 0.5, 0), n - 1);
	int i = (int)at;
	float share = (float)(at - i);
	return x[i] + share * (x[i + 1 < n ? i + 1 : i] - x[i]);
}

static int in_vowel(const struct sung_plan *p, double t, int *hint)
{
	int n = p->line->n_syllables;
	while (*hint + 1 < n && t >= p->spans[*hint + 1].onset_start)
		(*hint)++;
	return t >= p->spans[*hint].vowel_start && t < p->spans[*hint].vowel_end;
}

static float note_hz(double midi)
{
	return (float)(440.0 * exp2((midi - 69) / 12));
}

/* Median of the values above VOICED_HZ, or 0. x is put in order. */
static float voiced_median(float *x, int n)
{
	int k = 0;
	for (int i = 0; i < n; i++)
		if (x[i] >= VOICED_HZ)
			x[k++] = x[i];
	floats_sort(x, (size_t)k);
	return k ? x[k / 2] : 0;
}

/* Octaves a value by which the voiced values rise (or fall) along the line, by least squares. */
static float pitch_slope(const float *hz, int n)
{
	double k = 0, x = 0, y = 0, xx = 0, xy = 0;
	for (int i = 0; i < n; i++) {
		if (hz[i] < VOICED_HZ)
			continue;
		double octaves = log2((double)hz[i]);
		k++;
		x += i;
		y += octaves;
		xx += (double)i * i;
		xy += i * octaves;
	}
	double spread = k * xx - x * x;
	return spread > 0 ? (float)((k * xy - x * y) / spread) : 0;
}

/* The pitch of a rapped line: the notes' accents, a speaker's slides from one to the next, and the movement of the spoken line about its own middle. */
static int speech_curve(const struct sung_plan *p, const struct singer *singer, const struct bent *b, float *tune, struct madrigal_error *err)
{
	const struct spoken *s = p->spoken;
	int n = 2 * b->n, n_spoken = 2 * s->n_frames;
	double step = FRAME_S / 2;
	struct style_singer speaker = *p->manner;
	speaker.vibrato_cents = speaker.scoop_cents = speaker.drift_cents = 0;
	speaker.glide_ms = RAP_GLIDE_MS;
	tune_curve(p->line, &speaker, b->t0, step, n, tune);
	float *sorted = malloc((size_t)n_spoken * sizeof *sorted);
	if (!sorted)
		return err_nomem(err);
	memcpy(sorted, s->pitch, (size_t)n_spoken * sizeof *sorted);
	float middle = voiced_median(sorted, n_spoken), last = middle, slope = pitch_slope(s->pitch, n_spoken);
	free(sorted);
	float low = note_hz(singer->low - RAP_BELOW), high = note_hz(singer->high - NETWORK_HEADROOM);
	for (int i = 0; i < n && middle > 0; i++) {
		int nearest = (int)floor(bend_source(&p->bend, b->t0 + (i + 0.5) * step) / step);
		nearest = nearest < 0 ? 0 : nearest >= n_spoken ? n_spoken - 1 : nearest;
		last = s->pitch[nearest] >= VOICED_HZ ? s->pitch[nearest] : last;
		float fall = slope * (float)(nearest - n_spoken / 2) * (float)RAP_LEVEL;
		tune[i] *= exp2f((float)RAP_MELODY * (log2f(last / middle) - fall));
		tune[i] = tune[i] < low ? low : tune[i] > high ? high : tune[i];
	}
	return 0;
}

/* The median pitch of each note's vowel. */
static void measure_notes(const struct sung_plan *p, const struct bent *b, const float *tune)
{
	double step = FRAME_S / 2;
	for (int i = 0; i < p->line->n_notes; i++) {
		struct placed_note *k = &p->placed[i];
		double end = fmin((double)k->end_s, p->spans[p->line->notes[i].syllable].vowel_end);
		int from = (int)(((double)k->start_s - b->t0) / step), to = (int)((end - b->t0) / step);
		float hz[64];
		int n = 0;
		for (int f = from; f <= to && n < 64; f++)
			if (f >= 0 && f < 2 * b->n)
				hz[n++] = tune[f];
		float middle = voiced_median(hz, n);
		k->midi = middle > 0 ? 69 + 12 * log2f(middle / 440) : k->midi;
	}
}

/* Whether there is no voice at second t of the sung line: in the voiceless consonants that it begins with, before them, and after its last sound. The spoken line's pitch
 * has voice there, and it is heard: "the streetlights". (Before a voiced sound it has to: a vowel that begins without is heard as "they" for "I".) */
static int is_voiceless_end(const struct sung_plan *p, double t)
{
	const struct token_line *l = &p->spoken->tokens;
	if (t > p->spans[p->line->n_syllables - 1].coda_end + VOICE_ENDS_S)
		return 1;
	if (t < p->spans[0].onset_start)
		return l->t[1].voiceless;
	int token = sung_plan_token(p, bend_source(&p->bend, t) + LEAD_S);
	for (int i = 1; i <= token; i++)
		if (!l->t[i].voiceless)
			return 0;
	return 1;
}

/* Whether second t of the sung line, spoken second `from`, lies in what is held of its last syllable. */
static int is_ending(const struct sung_plan *p, double t, double from)
{
	const struct sung_span *last = &p->spans[p->line->n_syllables - 1];
	const struct token *k = &p->spoken->tokens.t[sung_plan_token(p, from + LEAD_S)];
	return t >= last->vowel_start && t < last->coda_end && k->syllable == p->line->n_syllables - 1 && (k->voiced || k->kind == TOKEN_STRESS);
}

/* Energy as spoken; the pitch of the tune, kept within what the network can sing. tune: 2 b->n values, the pitch asked for. */
static void bend_prosody(const struct sung_plan *p, const struct singer *singer, struct bent *b, const float *tune)
{
	const struct spoken *s = p->spoken;
	int n_spoken = 2 * s->n_frames, n = 2 * b->n, hint = 0;
	double step = FRAME_S / 2;
	float low = note_hz(singer->low - (p->line->spoken ? RAP_BELOW : 0.5)), high = note_hz(singer->high - NETWORK_HEADROOM + 0.5);
	for (int i = 0; i < n; i++) {
		double t = b->t0 + (i + 0.5) * step;
		double from = bend_source(&p->bend, t);
		int nearest = (int)floor(from / step);
		float spoken = s->pitch[nearest < 0 ? 0 : nearest >= n_spoken ? n_spoken - 1 : nearest];
		b->pitch[i] = tune[i] < low ? low : tune[i] > high ? high : tune[i];
		if (!in_vowel(p, t, &hint) && spoken < VOICED_HZ)
			b->pitch[i] = spoken;
		if (!p->line->spoken && is_voiceless_end(p, t))
			b->pitch[i] = UNVOICED_HZ;
		b->energy[i] = sample_at(s->energy, n_spoken, from / step);
		if (!p->line->spoken && (is_around(p, t) || is_ending(p, t, from)))
			b->energy[i] = fmaxf(b->energy[i], is_around(p, t) ? SILENCE_ENERGY : ENDING_ENERGY);
	}
}

/* ---- notes beyond the network's range ---- */

#define BEYOND 1.002            /* a ratio of pitches that is one */
#define PSOLA_MOST 1.224f        /* 3.5 semitones: up to here PSOLA sounds better than WORLD, beyond as good or worse (docs/world.md) */
#define JOIN_S 0.3              /* regions nearer to each other than this are retuned as one */
#define MARGIN_S 0.06           /* blended at either end */

static int beyond(const struct bent *b, const float *tune, int i)
{
	return i >= 0 && i < 2 * b->n && b->pitch[i] >= VOICED_HZ && (tune[i] > b->pitch[i] * (float)BEYOND || tune[i] * (float)BEYOND < b->pitch[i]);
}

/* The largest ratio, up or down, between two pitch curves. */
static float largest_shift(const float *from, const float *to, int n)
{
	float most = 1;
	for (int i = 0; i < n; i++)
		if (from[i] > 0)
			most = fmaxf(most, fmaxf(to[i] / from[i], from[i] / to[i]));
	return most;
}

/* Retunes x from what was sung to the tune between two indices of the pitch curves. */
static int retune_region(const struct bent *b, const float *tune, int from, int to, uint64_t seed, float *x, struct madrigal_error *err)
{
	double step = FRAME_S / 2;
	size_t margin = (size_t)(MARGIN_S * VOICE_RATE), total = (size_t)b->n * VOICE_FRAME;
	size_t a = (size_t)(from * step * VOICE_RATE), z = (size_t)(to * step * VOICE_RATE);
	a = a > margin ? a - margin : 0;
	z = z + margin < total ? z + margin : total;
	int n_frames = world_frames_of(z - a, VOICE_RATE);
	float *f0 = calloc((size_t)n_frames * 2, sizeof *f0), *y = calloc(z - a + 1, sizeof *y);
	int rc = f0 && y ? 0 : err_nomem(err);
	for (int i = 0; i < n_frames && !rc; i++) {
		int k = (int)((double)a / VOICE_RATE / step + i * WORLD_HOP_S / step);
		k = k < 2 * b->n ? k : 2 * b->n - 1;
		if (b->pitch[k] >= VOICED_HZ) {
			f0[i] = b->pitch[k];
			f0[n_frames + i] = beyond(b, tune, k) ? tune[k] : b->pitch[k];
		}
	}
	if (!rc)
		rc = largest_shift(f0, f0 + n_frames, n_frames) <= PSOLA_MOST
			? psola_retune(x + a, z - a, VOICE_RATE, f0, f0 + n_frames, n_frames, y, err)
			: world_retune(x + a, z - a, VOICE_RATE, f0, f0 + n_frames, n_frames, seed, y, err);
	for (size_t i = 0; i < z - a && !rc; i++) {
		size_t edge = i < z - a - i ? i : z - a - i;
		float share = edge < margin ? (float)edge / (float)margin : 1;
		x[a + i] += share * (y[i] - x[a + i]);
	}
	free(f0);
	free(y);
	return rc;
}

static int retune(const struct sung_plan *p, const struct bent *b, const float *tune, float *x, struct madrigal_error *err)
{
	int join = (int)(JOIN_S / (FRAME_S / 2)), n = 2 * b->n, rc = 0;
	for (int i = 0; i < n && !rc; i++) {
		if (!beyond(b, tune, i))
			continue;
		int last = i;
		for (int k = i; k < n && k - last <= join; k++)
			if (beyond(b, tune, k))
				last = k;
		rc = retune_region(b, tune, i, last + 1, p->line->seed, x, err);
		i = last;
	}
	return rc;
}

/* ---- the whole ---- */

/* More air in the voice, or less, than the singer has. */
static int breathe_as_told(const struct sung_plan *p, const struct bent *b, const float *tune, float *x, struct madrigal_error *err)
{
	int n = 2 * b->n;
	if (p->manner->breathiness_db == 0)
		return 0;
	float *f0 = calloc((size_t)n, sizeof *f0);
	if (!f0)
		return err_nomem(err);
	for (int i = 0; i < n; i++)
		f0[i] = b->pitch[i] < VOICED_HZ ? 0 : beyond(b, tune, i) ? tune[i] : b->pitch[i];
	int rc = breathe(x, (size_t)b->n * VOICE_FRAME, VOICE_RATE, f0, FRAME_S / 2, n, p->manner->breathiness_db, err);
	free(f0);
	return rc;
}

static int decode(struct voice *v, const struct sung_plan *p, struct bent *b, const float *tune, const cancel_flag *cancel, float **ret, struct madrigal_error *err)
{
	int rc = voice_decode(v, p->spoken, b, cancel, ret, err);
	if (!rc)
		rc = retune(p, b, tune, *ret, err);
	if (!rc)
		rc = breathe_as_told(p, b, tune, *ret, err);
	return rc;
}

static int sing_plan(struct voice *v, const struct singer *singer, struct sung_plan *p, const cancel_flag *cancel, struct audio *ret, struct madrigal_error *err)
{
	struct bent b = { 0 };
	float *x = NULL, *tune = NULL;
	int rc = bent_init(&b, p) ? 0 : err_nomem(err);
	if (!rc && !(tune = calloc(2 * (size_t)b.n, sizeof *tune)))
		rc = err_nomem(err);
	if (!rc) {
		text_bend(p, &b);
		if (p->line->spoken) {
			rc = speech_curve(p, singer, &b, tune, err);
		} else {
			weigh_silence(p, &b);
			tune_curve(p->line, p->manner, b.t0, FRAME_S / 2, 2 * b.n, tune);
		}
	}
	if (!rc) {
		if (p->line->spoken)
			measure_notes(p, &b, tune);
		bend_prosody(p, singer, &b, tune);
		rc = decode(v, p, &b, tune, cancel, &x, err);
	}
	if (!rc) {
		struct finish f = { p->line, p->manner, p->spans, b.t0, x, (size_t)b.n * VOICE_FRAME };
		finish_even(&f);
		finish_rests(&f);
		rc = finish_line(&f, (double)singer->level_db, ret, err);
	}
	bent_release(&b);
	free(tune);
	free(x);
	return rc;
}

static int check_line(const struct sung_line *line, struct madrigal_error *err)
{
	int next = 0;
	if (line->n_notes < 1 || line->n_syllables < 1)
		return err_set(err, MADRIGAL_EUSAGE, "a line without notes cannot be sung");
	for (int i = 0; i < line->n_notes; i++) {
		const struct sung_note *k = &line->notes[i];
		int step = k->syllable - (next - 1);
		if (step < 0 || step > 1 || (!i && step != 1) || !(k->start_s >= 0) || !(k->end_s > k->start_s) || (i && k->start_s < k[-1].end_s - 0.001f))
			return err_set(err, MADRIGAL_EUSAGE, "note %d of a line to sing is out of order", i + 1);
		next = k->syllable + 1;
	}
	if (next != line->n_syllables || !(line->length_s >= line->notes[line->n_notes - 1].end_s) || line->length_s > 120)
		return err_set(err, MADRIGAL_EUSAGE, "a line to sing has a syllable without a note, or a length that doesn't fit");
	return 0;
}

/* At the singer's own resonances. */
static int sing_line(struct voice *v, const struct singer *singer, const struct style_singer *manner, const struct sung_line *line,
                     const cancel_flag *cancel, struct audio *ret, struct placed_note *ret_placed, struct madrigal_error *err)
{
	struct spoken spoken = { 0 };
	int rc = 0;
	struct sung_plan *p = calloc(1, sizeof *p);
	if (!p || !(p->placed = calloc((size_t)line->n_notes, sizeof *p->placed))) {
		free(p);
		return err_nomem(err);
	}
	for (int i = 0; i < line->n_notes; i++)
		p->placed[i] = (struct placed_note){ line->notes[i].start_s, line->notes[i].end_s, line->notes[i].midi };
	rc = voice_speak(v, singer, line, cancel, &spoken, err);
	if (!rc)
		rc = sung_plan_init(p, line, manner, &spoken, err);
	if (!rc)
		rc = sing_plan(v, singer, p, cancel, ret, err);
	if (!rc && ret_placed)
		memcpy(ret_placed, p->placed, (size_t)line->n_notes * sizeof *ret_placed);
	spoken_release(&spoken);
	sung_plan_release(p);
	free(p->placed);
	free(p);
	return rc;
}

/* Resonances moved by a factor: sung slower and lower by it, then played faster, as a tape is. */
static int sing_at_scale(struct voice *v, const struct singer *singer, const struct style_singer *manner, const struct sung_line *line, double factor,
                         const cancel_flag *cancel, struct audio *ret, struct placed_note *ret_placed, struct madrigal_error *err)
{
	struct audio slow = { 0 }, fast = { 0 };
	struct style_singer m = *manner;
	struct sung_line l = *line;
	float k = (float)factor, octaves = log2f(k);
	struct sung_note *notes = malloc((size_t)line->n_notes * sizeof *notes);
	if (!notes)
		return err_nomem(err);
	for (int i = 0; i < line->n_notes; i++) {
		notes[i] = line->notes[i];
		notes[i].start_s *= k;
		notes[i].end_s *= k;
		notes[i].midi -= 12 * octaves;
	}
	l.notes = notes;
	l.length_s *= k;
	m.vibrato_hz /= k;
	m.vibrato_after_s *= k;
	m.glide_ms *= k;
	int rc = sing_line(v, singer, &m, &l, cancel, &slow, ret_placed, err);
	if (!rc)
		rc = audio_resample(&slow, (int)lround(VOICE_RATE / factor), &fast, err);
	audio_release(&slow);
	free(notes);
	if (rc)
		return rc;
	fast.rate = VOICE_RATE;
	*ret = fast;
	for (int i = 0; ret_placed && i < line->n_notes; i++) {
		ret_placed[i].start_s /= k;
		ret_placed[i].end_s /= k;
		ret_placed[i].midi += 12 * octaves;
	}
	return 0;
}

int voice_sing(struct voice *v, const struct singer *singer, const struct style_singer *manner, const struct sung_line *line,
               const cancel_flag *cancel, struct audio *ret, struct placed_note *ret_placed, struct madrigal_error *err)
{
	int rc = check_line(line, err);
	if (rc)
		return rc;
	if (!(manner->formants > 0) || fabs((double)manner->formants - 1) < SAME_THROAT)
		return sing_line(v, singer, manner, line, cancel, ret, ret_placed, err);
	return sing_at_scale(v, singer, manner, line, (double)manner->formants, cancel, ret, ret_placed, err);
}

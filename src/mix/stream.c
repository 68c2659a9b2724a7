/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The desk on a song that comes in parts. Voices run ahead of the strips, those ahead of the mix, by what each stage looks ahead. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "mix/desk.h"

#define STEP ((size_t)DESK_TENTH * 8)    /* 0.8 s: the least that is a multiple of DESK_BLOCK and of DESK_TENTH */
#define FIRST_PART (4 * STEP)
#define PART (8 * STEP)
#define LAST_PART_LEAST (4 * STEP)
#define STRIPS_AHEAD (2 * STEP)          /* RIDE_TENTHS and one */
#define CHAIN_AHEAD (3 * STEP)           /* the lead's limiter */
#define VOICE_WANTED_AHEAD (4 * STEP)    /* VOICE_AHEAD, and the echo's throw at a line's end */

#define REHEARSAL_STEPS 60               /* a song no longer than this is rehearsed whole: 48 s */
#define EXCERPTS 12
#define EXCERPT_STEPS 3
#define HEARD_TENTHS 20                  /* of each channel, at least, if it has as many */
#define EXCERPT_EDGE 240                 /* samples faded at either end: 5 ms */

#define GAIN_STEP_DB 0.5                 /* in a part */
#define GAIN_RANGE_DB 2.0                /* about the gain of the rehearsal */
#define TRUST_SHARE 0.3                  /* of the song: so much of it the rehearsal's forecast weighs against what has been measured */
#define WORTH_SHARE 0.15                 /* of the song: what is less, in the end, is left as it is */
#define SLOPE_LEAST 0.4

struct voice_side { struct voice_run run; int begun; };
/* A voice on either side: doubles, harmonies. */
struct voice_pair { struct voice_side side[2]; int channel, chain; double pan; };
enum { PAIRS = 2 };

struct mix_stream {
	struct desk desk;
	struct mix_settings settings;
	struct vocal_tracks tracks;       /* views of the stems' buffers; the times are owned */
	float *dry_backing;               /* owned: the backing before it is spread */
	struct strip *strip;              /* of the band */
	struct finish *finish;            /* of all channels */
	struct voice_side lead, backing;
	struct voice_pair pair[PAIRS];
	struct limiter lead_limiter;
	size_t lead_fed;
	struct band_effects room;
	struct vocal_effects plate;
	struct follower duck;
	double ride_db;
	size_t ridden;
	struct bus bus;
	struct audio part;                /* owned: what mix_stream_next gives */
	size_t chained, stripped, mixed;  /* samples */
	double gain_db, first_gain_db;

	/* Loudness, by the tenth: */
	float *forecast;                  /* at gain_db = 0, of the whole song */
	float *expected;                  /* forecast of what has left, at its gain */
	float *heard;                     /* measured of what has left */
	float *guess;                     /* scratch */
	struct eq weighting;
	size_t out;                       /* samples that have left */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t tenths(size_t samples)
{
	return (samples + DESK_TENTH - 1) / DESK_TENTH;
}

/* ------------------------------------------------------------------ setting up */

static int silent(struct audio *a, size_t frames, struct madrigal_error *err)
{
	return audio_init(a, AUDIO_RATE, 2, frames, err);
}

/* A mono buffer of a stem becomes its left channel, or stays beside a stereo one. */
static int make_room(struct mix_stream *ms, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	int rc = 0;
	for (int i = d->n_band; i < d->n_stems && !rc; i++) {
		struct audio *a = &d->stems[i].audio, wide;
		if (i == d->doubles || i == d->harmony)
			continue;
		rc = silent(&wide, d->frames, err);
		if (rc)
			break;
		if (i == d->lead) {
			free(wide.ch[0]);
			wide.ch[0] = a->ch[0];
		} else if (i == d->backing) {
			ms->dry_backing = a->ch[0];
		}
		*a = wide;
	}
	return rc;
}

static struct audio view(float *x, size_t frames)
{
	return (struct audio){ .rate = AUDIO_RATE, .channels = 1, .frames = frames, .ch = { x } };
}

static void set_views(struct mix_stream *ms)
{
	struct desk *d = &ms->desk;
	if (d->lead >= 0)
		ms->tracks.lead = view(d->stems[d->lead].audio.ch[0], d->frames);
	if (d->backing >= 0)
		ms->tracks.backing = view(ms->dry_backing, d->frames);
	if (d->doubles >= 0) {
		ms->tracks.double_left = view(d->stems[d->doubles].audio.ch[0], d->frames);
		ms->tracks.double_right = view(d->stems[d->doubles].audio.ch[1], d->frames);
	}
	for (int k = 0; k < HARMONY_VOICES && d->harmony >= 0; k++)
		ms->tracks.harmony[k] = view(d->stems[d->harmony].audio.ch[k], d->frames);
}

int mix_stream_new(const struct score *s, const struct brief *b, struct stem *stems, int n_stems, struct vocal_tracks *tracks, const struct mix_settings *set,
                   cancel_flag *cancel, struct mix_stream **ret, struct madrigal_error *err)
{
	struct mix_stream *ms = calloc(1, sizeof *ms);
	if (!ms)
		return err_nomem(err);
	struct desk *d = &ms->desk;
	*d = (struct desk){ .score = s, .brief = b, .style = &b->style->mix, .cancel = cancel };
	ms->settings = *set;
	int rc = desk_init(d, stems, n_stems, tracks, err);
	if (!rc)
		rc = make_room(ms, err);
	if (!rc)
		rc = silent(&ms->part, PART + LAST_PART_LEAST + LIMITER_LATENCY, err);
	ms->strip = calloc((size_t)d->n_band + 1, sizeof *ms->strip);
	ms->finish = calloc((size_t)d->n_stems + 1, sizeof *ms->finish);
	ms->forecast = calloc(4 * (d->blocks + 1), sizeof *ms->forecast);
	if (!rc && (!ms->strip || !ms->finish || !ms->forecast))
		rc = err_nomem(err);
	if (rc) {
		mix_stream_free(ms);
		return rc;
	}
	ms->expected = ms->forecast + d->blocks + 1;
	ms->heard = ms->expected + d->blocks + 1;
	ms->guess = ms->heard + d->blocks + 1;
	set_views(ms);
	if (tracks) {
		ms->tracks.lead_times = tracks->lead_times;
		ms->tracks.backing_times = tracks->backing_times;
		tracks->lead_times = tracks->backing_times = (struct sung_times){ 0 };
	}
	d->vocals = ms->tracks.lead_times.start ? &ms->tracks : NULL;
	ms->pair[0] = (struct voice_pair){ .channel = d->doubles, .chain = CHAIN_DOUBLES, .pan = DOUBLES_PAN };
	ms->pair[1] = (struct voice_pair){ .channel = d->harmony, .chain = CHAIN_HARMONY, .pan = HARMONY_PAN };
	*ret = ms;
	return 0;
}

void mix_stream_free(struct mix_stream *ms)
{
	if (!ms)
		return;
	voice_release(&ms->lead.run);
	voice_release(&ms->backing.run);
	for (int i = 0; i < 2 * PAIRS; i++)
		voice_release(&ms->pair[i / 2].side[i % 2].run);
	band_effects_release(&ms->room);
	vocal_effects_release(&ms->plate);
	desk_release(&ms->desk);
	audio_release(&ms->part);
	free(ms->dry_backing);
	/* The buffers were the stems'. */
	vocal_tracks_release(&(struct vocal_tracks){ .lead_times = ms->tracks.lead_times, .backing_times = ms->tracks.backing_times });
	free(ms->strip);
	free(ms->finish);
	free(ms->forecast);
	free(ms);
}

struct vocal_tracks *mix_stream_tracks(struct mix_stream *ms)
{
	return &ms->tracks;
}

size_t mix_stream_frames(const struct mix_stream *ms)
{
	return ms->desk.frames;
}

/* ------------------------------------------------------------------ the rehearsal */

/* What each channel has to play with: the band's own sound, the voices' stand-ins. */
struct material {
	const float *left, *right;        /* either may be NULL */
	float *power;                     /* by the tenth; owned */
	float loudest;
};

struct rehearsal {
	struct mix_stream *ms;
	struct material *material; int n; /* the returns have none */
	unsigned char *chosen;            /* by the STEP: 1 if it is in an excerpt */
	size_t steps, n_chosen;
	size_t *tenth;                    /* of the song, for each of the rehearsal's */
	struct desk desk;
};

static int is_heard(const struct material *m)
{
	return m->left || m->right;
}

static void measure_power(struct material *m, size_t frames)
{
	for (size_t b = 0; b * DESK_TENTH < frames; b++) {
		float sum = 0;
		size_t end = least((b + 1) * DESK_TENTH, frames);
		for (size_t i = b * DESK_TENTH; i < end; i++)
			sum += (m->left ? m->left[i] * m->left[i] : 0) + (m->right ? m->right[i] * m->right[i] : 0);
		m->power[b] = sum;
		m->loudest = fmaxf(m->loudest, sum);
	}
}

static int plays(const struct material *m, size_t tenth)
{
	return m->loudest > 0 && m->power[tenth] > m->loudest / 31.6f;
}

static int gather(struct rehearsal *r, struct vocal_tracks *v, struct madrigal_error *err)
{
	const struct desk *d = &r->ms->desk;
	r->n = d->n_stems;
	r->material = calloc((size_t)r->n + 1, sizeof *r->material);
	r->steps = (d->frames + STEP - 1) / STEP;
	r->chosen = calloc(r->steps + 1, 1);
	r->tenth = calloc(d->blocks + 1, sizeof *r->tenth);
	if (!r->material || !r->chosen || !r->tenth)
		return err_nomem(err);
	for (int i = 0; i < r->n; i++) {
		struct material *m = &r->material[i];
		m->power = calloc(d->blocks + 1, sizeof *m->power);
		if (!m->power)
			return err_nomem(err);
		if (i < d->n_band)
			*m = (struct material){ d->stems[i].audio.ch[0], d->stems[i].audio.ch[1], m->power, 0 };
		else if (v && i == d->lead)
			m->left = v->lead.ch[0];
		else if (v && i == d->backing)
			m->left = v->backing.ch[0];
		else if (v && i == d->doubles)
			*m = (struct material){ v->double_left.ch[0], v->double_right.ch[0], m->power, 0 };
		else if (v && i == d->harmony)
			*m = (struct material){ v->harmony[0].ch[0], v->harmony[1].ch[0], m->power, 0 };
		if (cancelled(d->cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		if (is_heard(m))
			measure_power(m, d->frames);
	}
	return 0;
}

/* How many tenths of a step a channel plays in. */
static int heard_in(const struct rehearsal *r, const struct material *m, size_t step)
{
	int n = 0;
	for (size_t b = step * 8; b < step * 8 + 8 && b < r->ms->desk.blocks; b++)
		n += plays(m, b);
	return n;
}

/* A channel that is hardly heard in the excerpts gets one where it plays most. */
static void add_excerpts_of(struct rehearsal *r, const struct material *m)
{
	for (int k = 0; k < 2; k++) {
		int have = 0, most = 0;
		size_t best = 0;
		for (size_t s = 0; s < r->steps; s++) {
			int here = 0, got = heard_in(r, m, s);
			have += r->chosen[s] ? got : 0;
			for (size_t i = s; i < s + EXCERPT_STEPS && i < r->steps; i++)
				here += r->chosen[i] ? 0 : heard_in(r, m, i);
			if (here > most) {
				most = here;
				best = s;
			}
		}
		if (have >= HEARD_TENTHS || !most)
			return;
		memset(r->chosen + best, 1, least(EXCERPT_STEPS, r->steps - best));
	}
}

static void choose(struct rehearsal *r)
{
	const struct desk *d = &r->ms->desk;
	if (r->steps <= REHEARSAL_STEPS)
		memset(r->chosen, 1, r->steps);
	for (size_t k = 0; k < EXCERPTS && r->steps > REHEARSAL_STEPS; k++)
		memset(r->chosen + (2 * k + 1) * r->steps / (2 * EXCERPTS) - EXCERPT_STEPS / 2, 1, EXCERPT_STEPS);
	for (int i = 0; i < r->n; i++)
		if (is_heard(&r->material[i]))
			add_excerpts_of(r, &r->material[i]);
	size_t n = 0;
	for (size_t s = 0; s < r->steps; s++) {
		r->n_chosen += r->chosen[s];
		for (size_t b = s * 8; r->chosen[s] && b < s * 8 + 8 && b < d->blocks; b++)
			r->tenth[n++] = b;
	}
}

/* The chosen steps of x one after the other; where the song was cut, 5 ms are faded. */
static void cut(const struct rehearsal *r, const float *x, size_t frames, float *out)
{
	size_t n = 0;
	for (size_t s = 0; s < r->steps; s++) {
		if (!r->chosen[s])
			continue;
		size_t from = s * STEP, len = least(STEP, frames - from);
		memcpy(out + n, x + from, len * sizeof *out);
		int opens = s > 0 && !r->chosen[s - 1], closes = s + 1 < r->steps && !r->chosen[s + 1];
		for (size_t i = 0; i < EXCERPT_EDGE && i < len; i++) {
			float g = (float)i / EXCERPT_EDGE;
			out[n + i] *= opens ? g : 1;
			out[n + len - 1 - i] *= closes ? g : 1;
		}
		n += len;
	}
}

static int excerpt(const struct rehearsal *r, const float *left, const float *right, struct audio *ret, struct madrigal_error *err)
{
	size_t frames = r->ms->desk.frames, n = 0;
	for (size_t s = 0; s < r->steps; s++)
		n += r->chosen[s] ? least(STEP, frames - s * STEP) : 0;
	int rc = audio_init(ret, AUDIO_RATE, right ? 2 : 1, n, err);
	if (rc)
		return rc;
	cut(r, left, frames, ret->ch[0]);
	if (right)
		cut(r, right, frames, ret->ch[1]);
	return 0;
}

static int excerpt_sides(const struct rehearsal *r, int channel, struct audio *left, struct audio *right, struct madrigal_error *err)
{
	const struct material *m = &r->material[channel];
	int rc = m->left ? excerpt(r, m->left, NULL, left, err) : 0;
	return rc || !m->right ? rc : excerpt(r, m->right, NULL, right, err);
}

/* The desk of the rehearsal, with the excerpts on it. */
static int set_up(struct rehearsal *r, struct madrigal_error *err)
{
	const struct desk *full = &r->ms->desk;
	struct stem *stems = calloc((size_t)full->n_band + 1, sizeof *stems);
	struct vocal_tracks v = { 0 };
	int rc = stems ? 0 : err_nomem(err);
	r->desk = (struct desk){ .score = full->score, .brief = full->brief, .style = full->style, .cancel = full->cancel, .rehearsal = 1 };
	for (int i = 0; i < full->n_band && !rc; i++) {
		memcpy(stems[i].name, full->stems[i].name, sizeof stems[i].name);
		stems[i].role = (enum part_role)full->channel[i].role;
		stems[i].style_part = -1;
		rc = excerpt(r, r->material[i].left, r->material[i].right, &stems[i].audio, err);
	}
	if (!rc && full->lead >= 0)
		rc = excerpt(r, r->material[full->lead].left, NULL, &v.lead, err);
	if (!rc && full->backing >= 0)
		rc = excerpt(r, r->material[full->backing].left, NULL, &v.backing, err);
	if (!rc && full->doubles >= 0)
		rc = excerpt_sides(r, full->doubles, &v.double_left, &v.double_right, err);
	if (!rc && full->harmony >= 0)
		rc = excerpt_sides(r, full->harmony, &v.harmony[0], &v.harmony[1], err);
	if (!rc)
		rc = desk_init(&r->desk, stems, full->n_band, &v, err);
	for (int i = 0; i < full->n_band && !rc; i++)
		r->desk.channel[i].fader = full->channel[i].fader;
	stems_free(stems, full->n_band);
	vocal_tracks_release(&v);
	return rc;
}

static double mean_of(const float *x, size_t from, size_t until)
{
	double sum = 0;
	for (size_t b = from; b < until; b++)
		sum += (double)x[b];
	return until > from ? sum / (double)(until - from) : 0;
}

/* Compressors bring loud and soft nearer to each other: by how much is the slope of the rehearsal's master against the forecast, step by step, in dB. The forecast is bent so. */
static void flatten(struct mix_stream *ms, const struct rehearsal *r, const float *master)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, most = 0;
	for (size_t b = 0; b < ms->desk.blocks; b += 8)
		most = fmax(most, mean_of(ms->forecast, b, least(b + 8, ms->desk.blocks)));
	for (size_t b = 0; b + 8 <= r->desk.blocks; b += 8) {
		double before = mean_of(ms->forecast, r->tenth[b], r->tenth[b + 7] + 1), after = mean_of(master, b, b + 8);
		if (before < most / 100 || after <= 0)
			continue;
		double u = log(before), v = log(after);
		n++, x += u, y += v, xx += u * u, xy += u * v;
	}
	double spread = n * xx - x * x, slope = spread > n * n * 1e-3 ? (n * xy - x * y) / spread : 1;
	slope = fmin(fmax(slope, SLOPE_LEAST), 1);
	for (size_t b = 0; b < ms->desk.blocks; b += 8) {
		size_t until = least(b + 8, ms->desk.blocks);
		double here = mean_of(ms->forecast, b, until);
		for (size_t k = b; k < until && here > 0; k++)
			ms->forecast[k] *= (float)pow(here / most, slope - 1);
	}
}

/* Predicts the song's loudness by the tenth from what each channel has to play with: how loud that came out in the rehearsal, and how loud the rehearsal's master. */
static void predict(struct rehearsal *r, const float *master, double gain_db)
{
	struct mix_stream *ms = r->ms;
	const struct desk *d = &ms->desk;
	size_t n = r->desk.blocks;
	for (int i = 0; i < r->n; i++) {
		const struct material *m = &r->material[i];
		const struct channel *c = &r->desk.channel[i];
		double came = 0, went = 0;
		for (size_t b = 0; b < n && is_heard(m); b++) {
			went += (double)m->power[r->tenth[b]];
			came += (double)c->energy[b] * c->gain * c->gain;
		}
		for (size_t b = 0; b < d->blocks && went > 0; b++)
			ms->forecast[b] += (float)(came / went) * m->power[b];
	}
	flatten(ms, r, master);
	double had = 0, have = 0;
	for (size_t b = 0; b < n; b++) {
		had += (double)ms->forecast[r->tenth[b]];
		have += (double)master[b];
	}
	double scale = had > 0 ? have / had / pow(10, gain_db / 10) : 0;
	for (size_t b = 0; b < d->blocks; b++)
		ms->forecast[b] *= (float)scale;
}

/* Mixes and masters the excerpts: their gain, and the song's forecast. */
static int rehearse(struct rehearsal *r, struct madrigal_error *err)
{
	struct mix_stream *ms = r->ms;
	struct desk *d = &r->desk;
	struct master_job job = { .style = d->style, .settings = &ms->settings, .cancel = d->cancel };
	int rc = audio_init(&job.out, AUDIO_RATE, 2, d->frames, err);
	if (!rc)
		rc = desk_mix(d, ms->settings.threads, job.out.ch, err);
	job.stems = d->stems;
	job.n_stems = d->n_stems;
	if (!rc)
		rc = master_find(&job, err);
	if (!rc)
		rc = master_pass(&job, err);
	float *energies = rc ? NULL : calloc(d->blocks + 1, sizeof *energies);
	if (!rc && !energies)
		rc = err_nomem(err);
	if (!rc) {
		loudness_energies(AUDIO_RATE, job.out.ch[0], job.out.ch[1], d->frames, energies);
		predict(r, energies, job.gain_db);
		ms->gain_db = job.gain_db;
	}
	free(energies);
	audio_release(&job.out);
	return rc;
}

/* What the rehearsal measured becomes the song's. */
static void settle(struct rehearsal *r)
{
	struct desk *to = &r->ms->desk;
	const struct desk *from = &r->desk;
	for (int i = 0; i < to->n_stems; i++) {
		struct channel *c = &to->channel[i];
		const struct channel *m = &from->channel[i];
		c->send_gain = m->send_gain;
		c->total_gain = m->total_gain;
		c->mononess = m->mononess;
		memcpy(c->level_db, m->level_db, sizeof c->level_db);
		memcpy(c->mean_lufs, m->mean_lufs, sizeof c->mean_lufs);
	}
	to->tone = from->tone;
	eq_reset(&to->tone);
	to->lead_lufs = from->lead_lufs;
	to->ride_mean_db = from->ride_mean_db;
	to->duck_level_db = from->duck_level_db;
	to->plate_gain = from->plate_gain;
}

static int begin_voice(struct mix_stream *ms, struct voice_side *v, int chain, int channel, int side, struct madrigal_error *err)
{
	if (channel < 0)
		return 0;
	const struct channel *c = &ms->desk.channel[channel];
	if (c->level_db[side] <= -100)
		return 0; /* nothing of it was heard: it is passed on as it is */
	v->begun = 1;
	return voice_begin(&ms->desk, &voice_chains[chain], c->level_db[side], c->mean_lufs[side], &v->run, err);
}

static int begin(struct mix_stream *ms, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	int rc = begin_voice(ms, &ms->lead, CHAIN_LEAD, d->lead, 0, err);
	for (int i = 0; i < 2 * PAIRS && !rc; i++)
		rc = begin_voice(ms, &ms->pair[i / 2].side[i % 2], ms->pair[i / 2].chain, ms->pair[i / 2].channel, i % 2, err);
	if (!rc)
		rc = begin_voice(ms, &ms->backing, CHAIN_BACKING, d->backing, 0, err);
	for (int i = 0; i < d->n_stems; i++) {
		d->channel[i].gain = d->channel[i].send_gain;
		loudness_weighting(AUDIO_RATE, &d->channel[i].weighting);
		ms->finish[i] = finish_begin(d, &d->channel[i]);
		if (i < d->n_band)
			strip_begin(&d->channel[i], &ms->strip[i]);
	}
	ms->lead_limiter = limiter_init(AUDIO_RATE, VOCAL_CEILING_DB);
	ms->duck = duck_follower();
	if (!rc && d->effects >= 0)
		rc = band_effects_begin(d, &ms->room, err);
	if (!rc && d->vocal_effects >= 0)
		rc = vocal_effects_begin(d, &ms->plate, err);
	ms->bus = bus_begin(d->style, ms->settings.loudness_lufs, ms->settings.ceiling_dbtp);
	loudness_weighting(AUDIO_RATE, &ms->weighting);
	return rc;
}

static double missing_db(struct mix_stream *ms);

int mix_stream_rehearse(struct mix_stream *ms, struct vocal_tracks *stand_ins, struct madrigal_error *err)
{
	struct rehearsal r = { .ms = ms };
	int rc = gather(&r, stand_ins, err);
	if (!rc) {
		choose(&r);
		rc = set_up(&r, err);
	}
	if (!rc)
		rc = rehearse(&r, err);
	if (!rc) {
		settle(&r);
		rc = begin(ms, err);
		ms->gain_db += missing_db(ms);
		ms->first_gain_db = ms->gain_db;
	}
	desk_release(&r.desk);
	for (int i = 0; r.material && i < r.n; i++)
		free(r.material[i].power);
	free(r.material);
	free(r.chosen);
	free(r.tenth);
	if (stand_ins)
		vocal_tracks_release(stand_ins);
	return rc;
}

/* ------------------------------------------------------------------ loudness */

/* How the song's loudness would be if what is to come were louder by some dB than it will be. */
static double outcome(struct mix_stream *ms, size_t known, double trust, double db)
{
	double scale = trust * pow(10, (ms->gain_db + db) / 10);
	memcpy(ms->guess, ms->heard, known * sizeof *ms->guess);
	for (size_t b = known; b < ms->desk.blocks; b++)
		ms->guess[b] = (float)(scale * (double)ms->forecast[b]);
	return loudness_integrated(ms->guess, ms->desk.blocks, NULL);
}

/* How much louder what is to come should be, so that the whole is as loud as it should. */
static double missing_db(struct mix_stream *ms)
{
	size_t known = ms->out / DESK_TENTH, blocks = ms->desk.blocks;
	double heard = mean_of(ms->heard, 0, known) * (double)known, expected = mean_of(ms->expected, 0, known) * (double)known;
	double scale = pow(10, ms->gain_db / 10), song = scale * mean_of(ms->forecast, 0, blocks) * (double)blocks;
	if (scale * mean_of(ms->forecast, known, blocks) * (double)(blocks - known) < WORTH_SHARE * song)
		return 0;
	/* The forecast is corrected by what has been heard so far, the more the more that is. */
	double prior = TRUST_SHARE * song, trust = expected + prior > 0 ? (heard + prior) / (expected + prior) : 1;
	double low = -GAIN_RANGE_DB, high = GAIN_RANGE_DB;
	if (outcome(ms, known, trust, 0) <= LOUDNESS_SILENCE)
		return 0;
	for (int k = 0; k < 20; k++) {
		double middle = (low + high) / 2;
		if (outcome(ms, known, trust, middle) < ms->settings.loudness_lufs)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* The gain at the end of the next part. */
static double next_gain_db(struct mix_stream *ms)
{
	if (!ms->out)
		return ms->gain_db;
	double step = fmin(fmax(missing_db(ms), -GAIN_STEP_DB), GAIN_STEP_DB);
	return fmin(fmax(ms->gain_db + step, ms->first_gain_db - GAIN_RANGE_DB), ms->first_gain_db + GAIN_RANGE_DB);
}

static void listen(struct mix_stream *ms, const float *left, const float *right, size_t n)
{
	float l[DESK_BLOCK], r[DESK_BLOCK];
	for (size_t at = 0, len; at < n; at += len) {
		len = least(n - at, DESK_BLOCK);
		memcpy(l, left + at, len * sizeof *l);
		memcpy(r, right + at, len * sizeof *r);
		eq_process(&ms->weighting, l, r, len);
		for (size_t i = 0; i < len; i++, ms->out++)
			ms->heard[ms->out / DESK_TENTH] += (l[i] * l[i] + r[i] * r[i]) / DESK_TENTH;
	}
}

/* ------------------------------------------------------------------ a part */

/* A voice's chain, if it has one, from where it is. */
static int voice_ahead(struct mix_stream *ms, struct voice_side *v, float *x, size_t wanted, size_t until, struct madrigal_error *err)
{
	if (!v->begun)
		return 0;
	int rc = voice_level(&ms->desk, &v->run, x, wanted, err);
	return rc ? rc : voice_finish(&ms->desk, &v->run, x, until, err);
}

static int lead_ahead(struct mix_stream *ms, size_t wanted, size_t chained, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	struct audio *a = &d->stems[d->lead].audio;
	int rc = voice_ahead(ms, &ms->lead, a->ch[0], wanted, chained, err);
	if (rc)
		return rc;
	memcpy(a->ch[1] + ms->chained, a->ch[0] + ms->chained, (chained - ms->chained) * sizeof *a->ch[1]);
	limiter_advance(&ms->lead_limiter, a->ch[0], a->ch[1], d->frames, &ms->lead_fed, chained);
	ms->chained = chained;
	return 0;
}

static int voices_ahead(struct mix_stream *ms, size_t wanted, size_t chained, size_t until, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	int rc = d->lead >= 0 ? lead_ahead(ms, wanted, chained, err) : 0;
	for (int i = 0; i < PAIRS; i++) {
		struct voice_pair *p = &ms->pair[i];
		if (p->channel < 0)
			continue;
		for (int k = 0; k < 2 && !rc; k++)
			rc = voice_ahead(ms, &p->side[k], d->stems[p->channel].audio.ch[k], wanted, until, err);
		vocal_sides_place(&d->stems[p->channel].audio, p->pan, ms->stripped, until);
	}
	if (d->backing < 0 || rc)
		return rc;
	rc = voice_ahead(ms, &ms->backing, ms->dry_backing, wanted, until, err);
	vocal_spread(ms->dry_backing, &d->stems[d->backing].audio, ms->stripped, until);
	return rc;
}

/* Strips and voices up to `until`, and what is measured of them. */
static int strips_ahead(struct mix_stream *ms, size_t wanted, size_t chained, size_t until, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	size_t from = ms->stripped;
	if (until <= from)
		return 0;
	int rc = voices_ahead(ms, wanted, chained, until, err);
	for (int i = 0; i < d->n_band && !rc; i++)
		rc = strip_advance(d, &d->channel[i], &ms->strip[i], from, until, err);
	if (rc)
		return rc;
	balance_band_energy(d, from / DESK_TENTH, tenths(until));
	if (d->lead >= 0) {
		desk_measure_on(&d->channel[d->lead], from, until);
		balance_singing(d, from / DESK_TENTH, tenths(until));
	}
	ms->stripped = until;
	return 0;
}

static int effects(struct mix_stream *ms, size_t from, size_t until, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	int rc = d->effects >= 0 ? band_effects_advance(d, &ms->room, from, until, err) : 0;
	if (rc || d->vocal_effects < 0)
		return rc;
	if (ms->plate.has_plate)
		rc = vocal_plate_advance(d, &ms->plate, from, until, err);
	vocal_plate_scale(d, from, until);
	if (!rc && ms->plate.has_echo)
		rc = vocal_echo_advance(d, &ms->plate, from, until, err);
	return rc;
}

/* The master's gain on its way from one part's to the next's. */
static void ramp(struct mix_stream *ms, double to_db, size_t from, size_t until)
{
	struct desk *d = &ms->desk;
	double now = pow(10, ms->gain_db / 20), slope = (pow(10, to_db / 20) - now) / (double)(until - from);
	for (int s = 0; s < d->n_stems; s++)
		for (int c = 0; c < 2; c++) {
			float *x = d->stems[s].audio.ch[c];
			for (size_t i = from; i < until; i++)
				x[i] *= (float)(now + slope * (double)(i - from));
		}
	double mean = now + slope * (double)(until - from) / 2;
	for (size_t b = from / DESK_TENTH; b < tenths(until); b++)
		ms->expected[b] = ms->forecast[b] * (float)(mean * mean);
	ms->gain_db = to_db;
}

static void master(struct mix_stream *ms, size_t from, size_t until)
{
	struct desk *d = &ms->desk;
	float l[DESK_BLOCK], r[DESK_BLOCK];
	size_t end = until == d->frames ? until + LIMITER_LATENCY : until, made = 0;
	for (size_t at = from, n; at < end; at += n) {
		n = least(end - at, DESK_BLOCK);
		size_t have = at < until ? least(until - at, n) : 0;
		memset(l, 0, sizeof l);
		memset(r, 0, sizeof r);
		master_sum(d->stems, d->n_stems, at, have, 1, l, r);
		bus_process(&ms->bus, l, r, n);
		size_t late = at < LIMITER_LATENCY ? least(LIMITER_LATENCY - at, n) : 0;
		memcpy(ms->part.ch[0] + made, l + late, (n - late) * sizeof *l);
		memcpy(ms->part.ch[1] + made, r + late, (n - late) * sizeof *r);
		made += n - late;
	}
	ms->part.frames = made;
	listen(ms, ms->part.ch[0], ms->part.ch[1], made);
}

static size_t part_end(const struct mix_stream *ms)
{
	size_t frames = ms->desk.frames, until = ms->mixed + (ms->mixed ? PART : FIRST_PART);
	return until + LAST_PART_LEAST > frames ? frames : until;
}

size_t mix_stream_wants(const struct mix_stream *ms)
{
	return least(part_end(ms) + VOICE_WANTED_AHEAD, ms->desk.frames);
}

static int mix_part(struct mix_stream *ms, size_t from, size_t until, struct madrigal_error *err)
{
	struct desk *d = &ms->desk;
	size_t frames = d->frames;
	int rc = strips_ahead(ms, least(until + VOICE_WANTED_AHEAD, frames), least(until + CHAIN_AHEAD, frames), least(until + STRIPS_AHEAD, frames), err);
	if (rc)
		return rc;
	size_t ridden = least(tenths(until) + 1, d->blocks);
	balance_ride_on(d, &ms->ride_db, ms->ridden, ridden);
	ms->ridden = ridden;
	if (d->lead >= 0)
		duck_advance(d, &ms->duck, d->duck_level_db, from, until);
	rc = effects(ms, from, until, err);
	for (int i = 0; i < d->n_stems && !rc; i++) {
		struct channel *c = &d->channel[i];
		c->gain = c->total_gain;
		rc = finish_advance(d, c, &ms->finish[i], from, until, err);
		c->gain = c->send_gain;
	}
	if (rc)
		return rc;
	desk_fade(d, from, until);
	ramp(ms, next_gain_db(ms), from, until);
	master(ms, from, until);
	ms->mixed = until;
	return 0;
}

int mix_stream_next(struct mix_stream *ms, const struct audio **ret, struct madrigal_error *err)
{
	size_t from = ms->mixed;
	int rc = 0;
	ms->part.frames = 0;
	if (from < ms->desk.frames) {
		unsigned denormals = denormals_off();
		rc = mix_part(ms, from, part_end(ms), err);
		denormals_restore(denormals);
	}
	if (!rc)
		*ret = &ms->part;
	return rc;
}

void mix_stream_stems(struct mix_stream *ms, struct mixdown *ret, struct vocal_tracks *ret_times)
{
	struct desk *d = &ms->desk;
	*ret = (struct mixdown){ .stems = d->stems, .n_stems = d->n_stems, .lufs = loudness_integrated(ms->heard, d->blocks, NULL) };
	for (int i = 0; i < d->n_stems; i++)
		desk_fit_stem(&d->stems[i].audio);
	d->stems = NULL;
	*ret_times = (struct vocal_tracks){ .lead_times = ms->tracks.lead_times, .backing_times = ms->tracks.backing_times };
	ms->tracks = (struct vocal_tracks){ 0 };
}

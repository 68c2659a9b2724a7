/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A score's vocal lines: each different line sung once, side by side, and laid on the song's time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "style/swing.h"
#include "voice/double.h"
#include "voice/tokens.h"
#include "voice/tune.h"
#include "voice/voice.h"

#define LEAD_IN_S 0.85          /* of a line's sound before its first vowel: breath and consonants */
#define TAIL_S 0.5
#define BREATH_REST_S 0.3       /* a rest this long is breathed in */
#define LINE_GAP_S 0.22         /* between two lines; the first one's last note gives way */
#define SPOKEN_GAP_S 0.08       /* the same between two lines of rap */
#define BACKING_DB (-5.0)
#define HARMONY_INTENSITY 0.6f  /* the same in each chorus: a line that returns is sung once */

#define REHEARSAL_LINES 2

enum track { TRACK_LEAD, TRACK_BACKING, TRACK_HARMONY };
/* Soloists who lay back come late on the beat and together with the cymbal between beats: Friberg and Sundstrom, "Swing ratios and ensemble timing in jazz
 * performance" (Music Perception 19, 2002), found some 50 ms at medium tempi. */
#define LATE_BEAT_S 0.045
#define LATE_OFF_S 0.015
#define LATE_MOST 0.1           /* of a quarter note: later, a note is no longer heard as one on the beat */
#define STACCATO_SHARE 0.6      /* of its length that a note has when the next word follows at once; other notes end as written */
#define STACCATO_LEAST_S 0.2    /* shorter notes stay as they are: their words would get lost */

/* A line of the score, ready to sing. */
struct take {
	struct sung_line line;
	struct sung_syllable *syllables;
	struct sung_note *notes;
	int first_note;        /* index in its track's notes */
	int first_tick;
	int track, doubled;    /* track: enum track, or TRACK_HARMONY + 1 */
	int job;               /* index of the first take that sounds the same: itself, or an earlier one */
};

struct voice_takes {
	struct voice *voice;
	const struct score *score;
	const struct singer *singer;
	const struct style_singer *manner;
	struct swing swing;
	int laid_back, staccato;
	const cancel_flag *cancel;
	struct take *takes; int n_takes;
	int *jobs; int n_jobs; /* indices of the takes that are sung, in the order in which they are */
	struct audio *sound;   /* of each take that is sung, at AUDIO_RATE */
	struct placed_note **placed; /* likewise, of each note */
};

static double seconds_of(const struct score *s, double ticks)
{
	return ticks * 60.0 / (s->tempo_bpm * TICKS_PER_QUARTER);
}

/* What is left of being late where the beat is too quick for all of it: behind the beat, and laid back on it. */
static double late_share(const struct voice_takes *ss)
{
	double most = LATE_MOST * 60 / ss->score->tempo_bpm, late = (double)ss->manner->behind_ms / 1000 + (ss->laid_back ? LATE_BEAT_S : 0);
	return late > most ? most / late : 1;
}

static double late_s(const struct voice_takes *ss, int tick)
{
	return !ss->laid_back ? 0 : late_share(ss) * (tick % TICKS_PER_QUARTER ? LATE_OFF_S : LATE_BEAT_S);
}

static int is_doubled(enum section_kind k)
{
	return k == SECTION_CHORUS || k == SECTION_HOOK || k == SECTION_POST_CHORUS;
}

/* ---- from the score to takes ---- */

/* How long after tick `from` of the score tick `to` is sung: swung, and late on the beat if the singer lays back. Alike in all bars, to the bit. */
static double sung_after(const struct voice_takes *ss, int from, int to)
{
	int base = from - from % score_bar_ticks(ss->score);
	double t = seconds_of(ss->score, swing_tick(ss->swing, to - base) - swing_tick(ss->swing, from - base));
	return t + late_s(ss, to) - late_s(ss, from);
}

static void add_syllable(const struct lyrics *l, const struct vocal_note *n, struct take *t)
{
	const struct word *w = &l->words[n->word];
	t->syllables[t->line.n_syllables++] = (struct sung_syllable){
		.phonemes = l->syllables[w->first_syllable + n->syllable].phonemes,
		.word_start = n->syllable == 0,
		.punct = n->syllable == w->n_syllables - 1 ? w->punct : 0,
	};
}

/* One take of notes[0..n-1]. rest_before, rest_after: seconds of silence around it. */
static int make_take(const struct voice_takes *ss, const struct vocal_note *notes, int n, double rest_before, double rest_after, struct take *ret)
{
	const struct score *s = ss->score;
	struct take t = { .first_tick = notes[0].start };
	t.syllables = calloc((size_t)n, sizeof *t.syllables);
	t.notes = calloc((size_t)n, sizeof *t.notes);
	*ret = t;
	if (!t.syllables || !t.notes)
		return 0;
	for (int i = 0; i < n; i++) {
		const struct vocal_note *k = &notes[i];
		if (!i || k->word != k[-1].word || k->syllable != k[-1].syllable)
			add_syllable(s->lyrics, k, &t);
		double start = LEAD_IN_S + sung_after(ss, t.first_tick, k->start), held = sung_after(ss, k->start, k->start + k->dur);
		if (ss->staccato && i + 1 < n && notes[i + 1].word != k->word && held * STACCATO_SHARE >= STACCATO_LEAST_S)
			held *= STACCATO_SHARE;
		t.notes[i] = (struct sung_note){ (float)start, (float)(start + held), (float)k->midi, k->dynamic, t.line.n_syllables - 1 };
	}
	struct sung_note *last = &t.notes[n - 1];
	double length = (double)(last->end_s - last->start_s), give = (notes[0].spoken ? SPOKEN_GAP_S : LINE_GAP_S) - rest_after;
	if (give > 0)
		last->end_s -= (float)(give < 0.3 * length ? give : 0.3 * length);
	t.line.syllables = t.syllables;
	t.line.notes = t.notes;
	t.line.n_notes = n;
	t.line.length_s = last->end_s + (float)TAIL_S;
	t.line.intensity = s->sections[notes[0].section].intensity;
	t.line.breath = rest_before >= BREATH_REST_S;
	t.line.spoken = notes[0].spoken;
	t.doubled = is_doubled(s->sections[notes[0].section].kind);
	*ret = t;
	return 1;
}

static int same_sound(const struct take *a, const struct take *b)
{
	if (a->line.n_notes != b->line.n_notes || a->line.n_syllables != b->line.n_syllables || a->track != b->track ||
	    a->line.breath != b->line.breath || a->line.spoken != b->line.spoken || memcmp(&a->line.intensity, &b->line.intensity, sizeof(float)))
		return 0;
	if (memcmp(a->notes, b->notes, (size_t)a->line.n_notes * sizeof *a->notes))
		return 0;
	for (int i = 0; i < a->line.n_syllables; i++) {
		const struct sung_syllable *x = &a->syllables[i], *y = &b->syllables[i];
		if (strcmp(x->phonemes, y->phonemes) || x->word_start != y->word_start || x->punct != y->punct)
			return 0;
	}
	return 1;
}

static int take_notes(struct voice_takes *ss, const struct vocal_note *notes, int n, int track, struct madrigal_error *err)
{
	const struct score *s = ss->score;
	for (int from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && notes[to].line == notes[from].line && notes[to].section == notes[from].section; to++)
			;
		struct take *t = &ss->takes[ss->n_takes];
		double before = from ? seconds_of(s, notes[from].start - notes[from - 1].start - notes[from - 1].dur) : 10;
		double after = to < n ? seconds_of(s, notes[to].start - notes[to - 1].start - notes[to - 1].dur) : 10;
		int ok = make_take(ss, notes + from, to - from, before, after, t);
		ss->n_takes++;
		if (!ok)
			return err_nomem(err);
		t->first_note = from;
		t->track = track;
		if (track >= TRACK_HARMONY) {
			t->line.intensity = HARMONY_INTENSITY;
			t->line.breath = 0;
		}
		t->job = ss->n_takes - 1;
		for (int k = 0; k < ss->n_takes - 1 && t->job == ss->n_takes - 1; k++)
			if (same_sound(&ss->takes[k], t))
				t->job = k;
		struct rng r = rng_stream(s->seed, "voice/line", (uint64_t)t->job);
		t->line.seed = (uint64_t)rng_u32(&r) << 32 | rng_u32(&r);
	}
	return 0;
}

static int longer_first(const void *a, const void *b, void *ctx)
{
	const struct take *takes = ctx;
	int i = *(const int *)a, k = *(const int *)b;
	float x = takes[i].line.length_s, y = takes[k].line.length_s;
	return x > y ? -1 : x < y ? 1 : i - k;
}

void voice_takes_free(struct voice_takes *ss)
{
	if (!ss)
		return;
	for (int i = 0; i < ss->n_takes; i++) {
		free(ss->takes[i].syllables);
		free(ss->takes[i].notes);
		if (ss->sound)
			audio_release(&ss->sound[i]);
		if (ss->placed)
			free(ss->placed[i]);
	}
	free(ss->takes);
	free(ss->jobs);
	free(ss->sound);
	free(ss->placed);
	free(ss);
}

typedef int take_order(const void *a, const void *b, void *takes);

static int takes_init(struct voice_takes *ss, take_order *order, struct madrigal_error *err)
{
	const struct score *s = ss->score;
	size_t n = (size_t)(s->n_vocal + s->n_backing) + 1;
	for (int i = 0; i < HARMONY_VOICES; i++)
		n += (size_t)s->n_harmony[i];
	ss->takes = calloc(n, sizeof *ss->takes);
	ss->jobs = calloc(n, sizeof *ss->jobs);
	ss->sound = calloc(n, sizeof *ss->sound);
	ss->placed = calloc(n, sizeof *ss->placed);
	if (!ss->takes || !ss->jobs || !ss->sound || !ss->placed)
		return err_nomem(err);
	int rc = take_notes(ss, s->vocal, s->n_vocal, TRACK_LEAD, err);
	if (!rc)
		rc = take_notes(ss, s->backing, s->n_backing, TRACK_BACKING, err);
	for (int i = 0; i < HARMONY_VOICES && !rc; i++)
		rc = take_notes(ss, s->harmony[i], s->n_harmony[i], TRACK_HARMONY + i, err);
	for (int i = 0; i < ss->n_takes; i++)
		if (ss->takes[i].job == i)
			ss->jobs[ss->n_jobs++] = i;
	if (!rc)
		qsort_r(ss->jobs, (size_t)ss->n_jobs, sizeof *ss->jobs, order, ss->takes);
	return rc;
}

/* ---- singing ---- */

static int sing_take(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	struct voice_takes *ss = ctx;
	int i = ss->jobs[index];
	const struct sung_line *line = &ss->takes[i].line;
	struct audio a = { 0 };
	ss->placed[i] = calloc((size_t)line->n_notes, sizeof *ss->placed[i]);
	if (!ss->placed[i])
		return err_nomem(err);
	int rc = voice_sing(ss->voice, ss->singer, ss->manner, line, ss->cancel, &a, ss->placed[i], err);
	if (!rc)
		rc = audio_resample(&a, AUDIO_RATE, &ss->sound[i], err);
	audio_release(&a);
	return rc;
}

/* ---- on the song's time ---- */

static double take_start(const struct voice_takes *ss, const struct take *t)
{
	double sung = score_seconds(ss->score, swing_tick(ss->swing, t->first_tick)) + late_s(ss, t->first_tick);
	return sung - LEAD_IN_S + late_share(ss) * (double)ss->manner->behind_ms / 1000;
}

static void lay(struct audio *track, const struct audio *sound, double at_s, double db)
{
	long from = lround(at_s * AUDIO_RATE);
	float gain = (float)exp2(db / 6.0206);
	for (size_t i = 0; i < sound->frames; i++) {
		long at = from + (long)i;
		if (at >= 0 && (size_t)at < track->frames)
			track->ch[0][at] += sound->ch[0][i] * gain;
	}
}

static int has_doubles(const struct voice_takes *ss)
{
	int any = 0;
	for (int i = 0; i < ss->n_takes; i++)
		any |= ss->takes[i].doubled && ss->takes[i].track == TRACK_LEAD;
	return any && ss->manner->double_db > -60;
}

static int times_new(struct sung_times *t, int n)
{
	t->start = calloc((size_t)n + 1, sizeof *t->start);
	t->end = calloc((size_t)n + 1, sizeof *t->end);
	t->midi = calloc((size_t)n + 1, sizeof *t->midi);
	for (int i = 0; i < n && t->start && t->end; i++)
		t->start[i] = t->end[i] = HUGE_VAL;
	return t->start && t->end && t->midi;
}

static void times_release(struct sung_times *t)
{
	free(t->start);
	free(t->end);
	free(t->midi);
}

static int tracks_init(const struct voice_takes *ss, struct vocal_tracks *ret, struct madrigal_error *err)
{
	const struct score *s = ss->score;
	size_t frames = (size_t)llround(score_duration(s) * AUDIO_RATE);
	if (!times_new(&ret->lead_times, s->n_vocal) || !times_new(&ret->backing_times, s->n_backing))
		return err_nomem(err);
	int rc = s->n_vocal ? audio_init(&ret->lead, AUDIO_RATE, 1, frames, err) : 0;
	if (!rc && s->n_backing)
		rc = audio_init(&ret->backing, AUDIO_RATE, 1, frames, err);
	for (int i = 0; i < HARMONY_VOICES && !rc; i++)
		if (s->n_harmony[i])
			rc = audio_init(&ret->harmony[i], AUDIO_RATE, 1, frames, err);
	if (rc || !has_doubles(ss))
		return rc;
	rc = audio_init(&ret->double_left, AUDIO_RATE, 1, frames, err);
	return rc ? rc : audio_init(&ret->double_right, AUDIO_RATE, 1, frames, err);
}

int voice_takes_tracks(const struct voice_takes *ss, struct vocal_tracks *ret, struct madrigal_error *err)
{
	struct vocal_tracks made = { 0 };
	int rc = tracks_init(ss, &made, err);
	if (rc)
		vocal_tracks_release(&made);
	else
		*ret = made;
	return rc;
}

static struct audio *track_of(const struct take *t, struct vocal_tracks *v)
{
	return t->track == TRACK_LEAD ? &v->lead : t->track == TRACK_BACKING ? &v->backing : &v->harmony[t->track - TRACK_HARMONY];
}

static int lay_take(const struct voice_takes *ss, const struct take *t, struct vocal_tracks *ret, struct madrigal_error *err)
{
	double at = take_start(ss, t);
	const struct placed_note *placed = ss->placed[t->job];
	lay(track_of(t, ret), &ss->sound[t->job], at, t->track == TRACK_BACKING ? BACKING_DB : 0);
	struct sung_times *times = t->track == TRACK_BACKING ? &ret->backing_times : &ret->lead_times;
	for (int k = 0; k < t->line.n_notes && t->track < TRACK_HARMONY; k++) {
		times->start[t->first_note + k] = at + (double)placed[k].start_s;
		times->end[t->first_note + k] = at + (double)placed[k].end_s;
		times->midi[t->first_note + k] = (int)lrintf(placed[k].midi);
	}
	if (!t->doubled || t->track != TRACK_LEAD || !ret->double_left.frames)
		return 0;
	int rc = 0;
	for (int side = 0; side < 2 && !rc; side++) {
		struct audio made;
		rc = double_of(&ss->sound[t->job], t->line.seed, side, &made, err);
		if (rc)
			break;
		lay(side ? &ret->double_right : &ret->double_left, &made, at, 0);
		audio_release(&made);
	}
	return rc;
}

int voice_takes_lay(const struct voice_takes *ss, double from_s, double until_s, struct vocal_tracks *tracks, struct madrigal_error *err)
{
	int rc = 0;
	for (int i = 0; i < ss->n_takes && !rc; i++) {
		double at = take_start(ss, &ss->takes[i]);
		if (at >= from_s && at < until_s)
			rc = lay_take(ss, &ss->takes[i], tracks, err);
	}
	return rc;
}

int voice_takes_needed(const struct voice_takes *ss, double until_s)
{
	int needed = 0;
	for (int k = 0; k < ss->n_jobs; k++)
		for (int i = 0; i < ss->n_takes; i++)
			if (ss->takes[i].job == ss->jobs[k] && take_start(ss, &ss->takes[i]) < until_s)
				needed = k + 1;
	return needed;
}

/* ---- before all is sung ---- */

static double mean_dynamic(const struct take *t)
{
	double sum = 0;
	for (int i = 0; i < t->line.n_notes; i++)
		sum += (double)t->notes[i].dynamic;
	return sum / t->line.n_notes;
}

/* One of the first `sung` jobs in place of a line: itself if it is among them, else one of the same voice if there is one. */
static int stand_in_for(const struct voice_takes *ss, const struct take *t, int sung, int turn)
{
	for (int k = 0; k < sung; k++)
		if (ss->jobs[k] == t->job)
			return t->job;
	for (int k = 0; k < sung; k++)
		if (ss->takes[ss->jobs[(turn + k) % sung]].track == t->track)
			return ss->jobs[(turn + k) % sung];
	return ss->jobs[turn % sung];
}

/* A sound for as long as a line lasts: what lies between lead-in and tail goes round. */
static void lay_round(struct audio *track, const struct audio *sound, const struct take *from, const struct take *to, double at_s, double db)
{
	long start = lround((at_s + LEAD_IN_S) * AUDIO_RATE), n = lround(((double)to->line.length_s - LEAD_IN_S - TAIL_S) * AUDIO_RATE);
	long first = lround(LEAD_IN_S * AUDIO_RATE), body = lround(((double)from->line.length_s - LEAD_IN_S - TAIL_S) * AUDIO_RATE);
	float gain = (float)exp2(db / 6.0206);
	for (long i = 0; i < n && body > 0; i++) {
		long at = start + i, k = first + i % body;
		if (at >= 0 && (size_t)at < track->frames && (size_t)k < sound->frames)
			track->ch[0][at] += sound->ch[0][k] * gain;
	}
}

int voice_takes_stand_in(const struct voice_takes *ss, int sung, struct vocal_tracks *ret, struct madrigal_error *err)
{
	struct vocal_tracks made;
	int rc = voice_takes_tracks(ss, &made, err);
	if (rc)
		return rc;
	for (int i = 0; i < ss->n_takes && sung > 0; i++) {
		const struct take *t = &ss->takes[i];
		int k = stand_in_for(ss, t, sung, i);
		const struct take *from = &ss->takes[k];
		double at = take_start(ss, t), db = tune_dynamic_db(mean_dynamic(t)) - tune_dynamic_db(mean_dynamic(from));
		lay_round(track_of(t, &made), &ss->sound[k], from, t, at, db + (t->track == TRACK_BACKING ? BACKING_DB : 0));
		if (t->doubled && t->track == TRACK_LEAD && made.double_left.frames) {
			lay_round(&made.double_left, &ss->sound[k], from, t, at, db);
			lay_round(&made.double_right, &ss->sound[k], from, t, at, db);
		}
	}
	*ret = made;
	return 0;
}

/* ---- all of it ---- */

static int sooner(const void *a, const void *b, void *ctx)
{
	const struct take *takes = ctx;
	int i = *(const int *)a, k = *(const int *)b;
	return takes[i].first_tick != takes[k].first_tick ? (takes[i].first_tick < takes[k].first_tick ? -1 : 1) : i - k;
}

static int takes_new(struct voice *v, const struct score *s, const struct singer *singer, const struct style_singer *manner, struct swing swing, take_order *order,
                     const cancel_flag *cancel, struct voice_takes **ret, struct madrigal_error *err)
{
	const char *how = manner->manner ? manner->manner : "legato";
	struct voice_takes *ss = calloc(1, sizeof *ss);
	if (!ss)
		return err_nomem(err);
	*ss = (struct voice_takes){ .voice = v, .score = s, .singer = singer, .manner = manner, .swing = swing,
	                            .laid_back = !strcmp(how, "laid back"), .staccato = !strcmp(how, "staccato"), .cancel = cancel };
	int rc = takes_init(ss, order, err);
	if (rc)
		voice_takes_free(ss);
	else
		*ret = ss;
	return rc;
}

int voice_takes_new(struct voice *v, const struct score *s, const struct singer *singer, const struct style_singer *manner, struct swing swing,
                    const cancel_flag *cancel, struct voice_takes **ret, struct madrigal_error *err)
{
	return takes_new(v, s, singer, manner, swing, sooner, cancel, ret, err);
}

int voice_takes_jobs(const struct voice_takes *t)
{
	return t->n_jobs;
}

int voice_takes_rehearsal(const struct voice_takes *t)
{
	int leads = 0, k = 0;
	while (k < t->n_jobs && leads < REHEARSAL_LINES)
		leads += t->takes[t->jobs[k++]].track == TRACK_LEAD;
	return k;
}

int voice_takes_sing(struct voice_takes *t, int job, struct madrigal_error *err)
{
	return sing_take(t, job, 0, err);
}

int voice_sing_score(struct voice *v, const struct score *s, const struct singer *singer, const struct style_singer *manner, struct swing swing, int threads,
                     pool_tick *tick, void *tick_ctx, cancel_flag *cancel, struct vocal_tracks *ret, struct madrigal_error *err)
{
	struct voice_takes *ss;
	struct vocal_tracks made = { 0 };
	int rc = takes_new(v, s, singer, manner, swing, longer_first, cancel, &ss, err);
	if (rc)
		return rc;
	rc = pool_run(threads, ss->n_jobs, sing_take, ss, tick, tick_ctx, cancel, err);
	if (!rc)
		rc = tracks_init(ss, &made, err);
	if (!rc)
		rc = voice_takes_lay(ss, -HUGE_VAL, HUGE_VAL, &made, err);
	voice_takes_free(ss);
	if (rc) {
		vocal_tracks_release(&made);
		return rc;
	}
	*ret = made;
	return 0;
}

void vocal_tracks_release(struct vocal_tracks *t)
{
	if (!t)
		return;
	audio_release(&t->lead);
	audio_release(&t->double_left);
	audio_release(&t->double_right);
	audio_release(&t->backing);
	for (int i = 0; i < HARMONY_VOICES; i++)
		audio_release(&t->harmony[i]);
	times_release(&t->lead_times);
	times_release(&t->backing_times);
	*t = (struct vocal_tracks){ 0 };
}

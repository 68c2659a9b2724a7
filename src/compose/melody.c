/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pitches: drawn note by note with the steps that human songs take from each degree and after each interval, over the chord, towards a
 * contour and a cadence; phrases that follow a model take over its notes where their onsets meet. */
#include "compose/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FREE 0
#define UNRESOLVED 1e-5f   /* weight of what leaves a leaning note hanging */
#define TASK_MAX PHRASE_MAX

/* One phrase to be filled with pitches. */
struct task {
	int n;
	int at[TASK_MAX];          /* steps from the song's start */
	int hold[TASK_MAX];        /* steps to the next onset; the last: what it is likely to last */
	int8_t kin[TASK_MAX];      /* -1: an unstressed syllable after a stressed one in its word; 1: the other way round; 0 */
	int8_t fixed[TASK_MAX];    /* a pitch, or FREE */
	int8_t near[TASK_MAX];     /* a pitch wanted, or FREE */
	int low, high;
	float centre, bend;        /* the contour: about centre, by bend semitones */
	int shape;                 /* 0 arch, 1 descent, 2 ascent, 3 valley */
	int before;                /* last pitch of the phrase before, or 0 */
	float close;               /* -1: ends open, as before a comma; 0: as it comes; 1: ends closed */
	float rise;                /* 1: ends higher than it goes (a question) */
	int8_t midi[TASK_MAX];
};

static const struct plan_chord *chord_for(const struct plan *p, int at, int hold)
{
	int steps = p->meter.steps, end = p->bars * steps, t = at < 0 ? 0 : at;
	/* A note just before the beat that holds over it belongs to what comes. */
	if (hold >= 3 && p->meter.place[t % steps] >= PLACE_EIGHTH && p->meter.place[(t + 2) % steps] <= PLACE_BEAT)
		t += 2;
	return &p->chords[p->chord_of_step[t < end ? t : end - 1]];
}

static int strong_note(const struct plan *p, int at, int hold)
{
	enum place pl = p->meter.place[(at + 64 * p->meter.steps) % p->meter.steps];
	return pl == PLACE_STRONG || (pl == PLACE_BEAT && hold >= 3) || hold >= 6;
}

/* Whether a pitch on note i leans: on a strong beat, strange to the chord (or such a note again). It goes on by step then. */
static int leans(const struct plan *p, const struct task *t, int i, int midi)
{
	int steps = p->meter.steps;
	while (i > 0 && t->midi[i - 1] == midi && p->meter.place[(t->at[i] + 64 * steps) % steps] != PLACE_STRONG)
		i--;
	return p->meter.place[(t->at[i] + 64 * steps) % steps] == PLACE_STRONG && !(chord_for(p, t->at[i], t->hold[i])->tones >> ((midi - p->tonic_pc + 120) % 12) & 1);
}

/* Whether what is fixed after note i keeps a leaning pitch there from going on by step. */
static int hangs(const struct task *t, int i, int midi)
{
	int k = i + 1;
	while (k < t->n && t->fixed[k] == midi)
		k++;
	return k == t->n || (t->fixed[k] != FREE && abs(t->fixed[k] - midi) > 2);
}

static float contour(const struct task *t, int i)
{
	float x = t->n > 1 ? (float)i / (float)(t->n - 1) : 0.5f, arch = 4 * x * (1 - x) - 0.6f;
	float y = t->shape == 0 ? arch : t->shape == 1 ? 1 - 2 * x : t->shape == 2 ? 2 * x - 1 : -arch;
	return t->centre + t->bend * y + t->rise * 2 * x * x;
}

static float pull(float far, float width)
{
	float z = far / width;
	z = 1 + z * z;
	return 1 / (z * z);
}

/* How gladly a phrase ends on a degree (semitones from the tonic), open or closed: Billboard's phrase ends are 1, 5, 2, 3 in 35, 18, 11, 10 of 100. */
static const float closed_end[12] = { 7, 0.05f, 0.4f, 2, 2, 0.25f, 0.02f, 1.3f, 0.2f, 0.35f, 0.25f, 0.1f };
static const float open_end[12] = { 1.1f, 0.05f, 2.4f, 1.4f, 1.4f, 0.7f, 0.02f, 3, 0.5f, 0.9f, 0.9f, 0.7f };

static int draw_final(const struct plan *p, const struct task *t, struct rng *r)
{
	float w[128];
	int last = t->n - 1, low = t->low;
	const struct plan_chord *c = chord_for(p, t->at[last], t->hold[last]);
	for (int q = low; q <= t->high; q++) {
		int deg = (q - p->tonic_pc + 120) % 12;
		float end = t->close > 0 ? closed_end[deg] : t->close < 0 ? open_end[deg] : closed_end[deg] + open_end[deg];
		w[q - low] = c->weight[1][deg] * end * pull((float)q - contour(t, last), 3.2f) * (c->tones >> deg & 1 ? 2.2f : 1);
		if (leans(p, t, last, q))
			w[q - low] *= UNRESOLVED;
	}
	return low + rng_weighted(r, w, t->high - low + 1);
}

static int next_fixed(const struct task *t, int i)
{
	while (++i < t->n)
		if (t->fixed[i] != FREE)
			return i;
	return -1;
}

/* What a note at q is worth, given the one or two before it. */
static float step_weight(const struct pitch_tables *tab, const struct plan *p, const struct task *t, int i, int q, int prev, int prev_step)
{
	int step = q - prev;
	if (step < -12 || step > 12 || (abs(step) > 7 && i < t->n - 1 && t->kin[i] == -1))
		return 0;
	float w = tab->from_degree[(prev - p->tonic_pc + 120) % 12][step + 12];
	if (prev_step != 99) {
		int a = prev_step < -8 ? -8 : prev_step > 8 ? 8 : prev_step, b = step < -8 ? -8 : step > 8 ? 8 : step;
		w *= tab->after[a + 8][b + 8];
		if (abs(prev_step) >= 5 && step * prev_step > 0)
			w *= 0.35f;
	}
	if (t->kin[i] > 0 && step < 0)
		w *= 0.55f;
	if (t->kin[i] < 0 && step > 0)
		w *= 0.6f;
	return w;
}

static int draw_pitch(const struct plan *p, const struct pitch_tables *tab, const struct task *t, int i, struct rng *r)
{
	float w[128];
	const struct plan_chord *c = chord_for(p, t->at[i], t->hold[i]);
	const float *glad = c->weight[strong_note(p, t->at[i], t->hold[i])];
	float want = contour(t, i);
	int prev = i ? t->midi[i - 1] : t->before, prev_step = i > 1 ? t->midi[i - 1] - t->midi[i - 2] : 99;
	int ahead = next_fixed(t, i), run = 1, leaning = i && leans(p, t, i - 1, prev);
	while (run < i && t->midi[i - run] == t->midi[i - run - 1])
		run++;
	for (int q = t->low; q <= t->high; q++) {
		float v = glad[(q - p->tonic_pc + 120) % 12];
		if (v > 0) {
			v *= pull((float)q - want, 4.0f);
			if (i > 0)
				v *= step_weight(tab, p, t, i, q, prev, prev_step);
			else if (prev)
				v *= abs(q - prev) > 8 ? 0.1f : 1;
			if (i >= 3 && q == prev && run >= 3)
				v *= 0.25f;
			if (ahead == i + 1)
				v *= 0.004f + tab->from_degree[(q - p->tonic_pc + 120) % 12][t->fixed[ahead] - q < -12 ? 0 : t->fixed[ahead] - q > 12 ? 24 : t->fixed[ahead] - q + 12];
			else if (ahead > 0)
				v *= pull((float)(t->fixed[ahead] - q), 1.5f + 2.2f * (float)(ahead - i));
			if (leaning && (abs(q - prev) > 2 || (q == prev && i == t->n - 1)))
				v *= UNRESOLVED;
			if (ahead == i + 1 && hangs(t, i, q) && leans(p, t, i, q))
				v *= UNRESOLVED;
			if (t->near[i] != FREE)
				v *= pull((float)(q - t->near[i]), 1.1f);
		}
		w[q - t->low] = v;
	}
	return t->low + rng_weighted(r, w, t->high - t->low + 1);
}

/* Leaning notes that were taken over without what they lead to are only wished for. */
static void release_hanging(const struct plan *p, struct task *t)
{
	for (int i = t->n - 1; i >= 0; i--)
		if (t->fixed[i] != FREE && leans(p, t, i, t->fixed[i]) && hangs(t, i, t->fixed[i])) {
			t->near[i] = t->fixed[i];
			t->fixed[i] = FREE;
		}
}

static void fill_task(const struct plan *p, const struct pitch_tables *tab, struct task *t, struct rng *r)
{
	int last = t->n - 1;
	release_hanging(p, t);
	if (t->fixed[last] == FREE)
		t->fixed[last] = (int8_t)draw_final(p, t, r);
	release_hanging(p, t); /* those before the end that was drawn, too */
	for (int i = 0; i < t->n; i++)
		t->midi[i] = t->fixed[i] != FREE ? t->fixed[i] : (int8_t)draw_pitch(p, tab, t, i, r);
}

void pitch_tables_init(struct pitch_tables *t, int minor, const struct style_melody *manner)
{
	/* Both tables speak of the same step, and the contour pulls too: roots keep their product from being narrower than either. */
	for (int d = 0; d < 12; d++)
		for (int s = -12; s <= 12; s++) {
			float w = powf(interval_from_degree[minor][d][s + 12] + 0.0015f, 0.7f);
			if (s == 0)
				w *= 0.27f + 0.75f * manner->repeat;
			if (abs(s) >= 3)
				w *= 0.85f + 0.7f * manner->leap;
			if (abs(s) > 7)
				w *= s == 12 || s == 9 || s == 8 ? 0.5f : 0.2f;
			t->from_degree[d][s + 12] = w;
		}
	for (int a = 0; a < 17; a++)
		for (int b = 0; b < 17; b++)
			t->after[a][b] = powf(interval_after_interval[a][b] + 0.002f, 0.45f);
}

/* ---- a sung phrase ---- */

/* One song's ways: what is drawn once for each family. */
struct manner { int shape[4]; float bend; int peak; };

static void draw_manner(const struct plan *p, enum tune_family f, struct rng *r, struct manner *m)
{
	static const float shares[4] = { 0.25f, 0.33f, 0.18f, 0.24f }; /* arch, descent, ascent, valley: Billboard */
	for (int i = 0; i < 4; i++)
		m->shape[i] = rng_weighted(r, shares, 4);
	m->bend = 2.0f + 2.0f * rng_unit(r);
	m->peak = -1;
	for (int s = 0; s < p->n_sections && m->peak < 0; s++)
		if (p->sections[s].family == f && p->sections[s].n_phrases) {
			int n = p->sections[s].n_phrases;
			m->peak = p->sections[s].first_phrase + (n > 1 ? n / 2 + (int)rng_below(r, (uint32_t)((n + 1) / 2)) : 0);
		}
}

static void set_words(const struct plan *p, const struct plan_phrase *ph, const struct draft_phrase *dp, struct task *t)
{
	const struct lyrics *l = p->lyrics;
	int slot = phrase_slot(p, ph);
	t->n = ph->n;
	for (int i = 0; i < ph->n; i++) {
		const struct syllable *s = &l->syllables[ph->first_syllable + i];
		t->at[i] = slot + dp->onset[i];
		t->hold[i] = i + 1 < ph->n ? dp->onset[i + 1] - dp->onset[i] : 8;
		t->kin[i] = 0;
		if (i > 0 && s->word == s[-1].word)
			t->kin[i] = (int8_t)((s->stress == STRESS_PRIMARY) - (s[-1].stress == STRESS_PRIMARY));
	}
}

/* The singer's window and the contour. */
static void set_window(const struct plan *p, const struct plan_phrase *ph, const struct manner *m, int peak, struct rng *r, struct task *t)
{
	const struct plan_section *s = &p->sections[ph->section];
	int k = (int)(ph - p->phrases) - s->first_phrase;
	float centre = p->centre[s->family];
	t->shape = m->shape[k % 4];
	t->bend = m->bend;
	/* A section climbs a little towards its end, a verse from low down. */
	centre += s->n_phrases > 1 ? 1.3f * (float)k / (float)(s->n_phrases - 1) - 0.6f : 0;
	t->centre = centre + 0.5f * rng_gauss(r);
	t->low = (int)fmaxf((float)p->low, centre - 8);
	t->high = (int)fminf((float)p->high - (peak ? 0 : 1), centre + (family_is_high(s->family) ? 7 : 6));
	if (!family_is_high(s->family) && !peak && t->high > p->high - 2)
		t->high = p->high - 2;
	if (peak)
		t->high = p->high;
	if (t->high - t->low < 5)
		t->low = t->high - 5;
	t->close = 0;
	t->rise = ph->punct == '?' ? 1 : 0;
	float chance = ph->ends_section ? rng_unit(r) : 0;
	if (ph->ends_section)
		t->close = ph->punct == ',' || ph->punct == '?' ? -1 : family_is_high(s->family) || ph->punct == '.' || ph->punct == '!' || chance < 0.4f ? 1 : -0.5f;
	else if (ph->punct == ',' || ph->punct == '?' || ph->punct == ':' || !ph->ends_line)
		t->close = -1;
	else if (ph->punct == '.' || ph->punct == '!' || k % 2)
		t->close = rng_unit(r) < 0.7f ? 1 : -1;
	else
		t->close = rng_unit(r) < 0.3f ? 1 : -1;
}

static int suits_end(const struct plan *p, const struct task *t, int midi)
{
	int deg = (midi - p->tonic_pc + 120) % 12, last = t->n - 1;
	const struct plan_chord *c = chord_for(p, t->at[last], t->hold[last]);
	float want = t->close > 0 ? closed_end[deg] : t->close < 0 ? open_end[deg] : 2;
	return want >= 1 && c->weight[1][deg] > 0 && (c->tones >> deg & 1);
}

/* Takes over the model's notes where onsets meet and chords allow. Returns 1 if all were taken. */
static int take_model(const struct plan *p, const struct plan_phrase *ph, const struct plan_phrase *mph, const struct draft_phrase *model,
                      const struct draft_phrase *dp, struct task *t)
{
	int slot = phrase_slot(p, ph), mslot = phrase_slot(p, mph), j = 0, all = ph->n == mph->n;
	for (int i = 0; i < ph->n; i++) {
		while (j + 1 < mph->n && model->onset[j + 1] <= dp->onset[i])
			j++;
		int q = model->midi[j], deg = (q - p->tonic_pc + 120) % 12, at = slot + dp->onset[i];
		const struct plan_chord *here = chord_for(p, at, t->hold[i]), *there = chord_for(p, mslot + model->onset[j], t->hold[i]);
		int fits = here == there || (here->weight[0][deg] > 0 && (!strong_note(p, at, t->hold[i]) || (here->tones >> deg & 1)));
		if (model->onset[j] == dp->onset[i] && fits && q >= t->low && q <= t->high) {
			t->fixed[i] = (int8_t)q;
		} else {
			all = 0;
			t->near[i] = (int8_t)q;
		}
	}
	int last = ph->n - 1;
	if (ph->same_words || (t->fixed[last] != FREE && suits_end(p, t, t->fixed[last])))
		return all;
	/* Another ending: the last notes anew. */
	for (int i = ph->n > 4 ? ph->n - 3 : ph->n - 1; i < ph->n; i++) {
		if (i >= 0) {
			t->near[i] = FREE;
			t->fixed[i] = FREE;
		}
	}
	return 0;
}

/* The highest note: a chord tone near the top of the range on the longest stressed syllable past the phrase's first third. */
static void place_peak(const struct plan *p, const struct plan_phrase *ph, struct task *t)
{
	int best = -1;
	float most = 0;
	for (int i = ph->n / 3; i < ph->n - (ph->n > 2); i++) {
		const struct syllable *s = &p->lyrics->syllables[ph->first_syllable + i];
		float v = (float)t->hold[i] + (s->stress == STRESS_PRIMARY ? 3 : 0) + (p->lyrics->words[s->word].content ? 1.5f : 0);
		if (v > most) {
			most = v;
			best = i;
		}
	}
	if (best < 0)
		return;
	const struct plan_chord *c = chord_for(p, t->at[best], t->hold[best]);
	for (int q = t->high; q > t->high - 5; q--)
		if (c->tones >> ((q - p->tonic_pc + 120) % 12) & 1) {
			t->fixed[best] = (int8_t)q;
			return;
		}
}

/* ---- second notes on a syllable ---- */

static int scale_note(const struct plan *p, const struct plan_chord *c, int midi, int side)
{
	for (int q = midi + side; q > 30 && q < 100 && abs(q - midi) <= 3; q += side)
		if (c->scale >> ((q - p->tonic_pc + 120) % 12) & 1)
			return q;
	return midi + 2 * side;
}

static int may_carry_two(const struct plan *p, const struct plan_phrase *ph, const struct task *t, int i)
{
	const struct syllable *s = &p->lyrics->syllables[ph->first_syllable + i];
	const struct word *w = &p->lyrics->words[s->word];
	int strong = w->n_syllables == 1 ? w->content || i == ph->n - 1 : s->stress != STRESS_NONE || i == ph->n - 1;
	return strong && t->hold[i] >= 4 && t->hold[i] * p->meter.step_s >= 0.45;
}

static void ornament(const struct plan *p, const struct plan_phrase *ph, const struct task *t, int i, struct rng *r, struct draft_phrase *dp)
{
	const struct plan_chord *c = chord_for(p, t->at[i], t->hold[i]);
	int q = dp->midi[i], at = t->hold[i] >= 8 && i < ph->n - 1 && p->meter.step_s < 0.18 ? 4 : 2;
	while (at * p->meter.step_s < 0.18)
		at++;
	int second = t->at[i] + at, strong = p->meter.place[(second + 64 * p->meter.steps) % p->meter.steps] == PLACE_STRONG;
	const struct plan_chord *there = chord_for(p, second, t->hold[i]);
	if (i == ph->n - 1) {
		int prev = i ? dp->midi[i - 1] : q;
		int side = prev > q ? 1 : prev < q ? -1 : rng_unit(r) < 0.75f ? 1 : -1;
		int lean = scale_note(p, c, q, side);
		if (lean > t->high || lean < p->low || abs(lean - q) > 2 || (strong && !(there->tones >> ((q - p->tonic_pc + 120) % 12) & 1)))
			return;
		dp->midi[i] = (int8_t)lean;
		dp->extra[i] = (int8_t)q;
	} else {
		int next = dp->midi[i + 1], side = next > q ? 1 : next < q ? -1 : rng_unit(r) < 0.5f ? 1 : -1;
		int passing = scale_note(p, c, q, side);
		if (passing > t->high || passing < p->low || (strong && !(there->tones >> ((passing - p->tonic_pc + 120) % 12) & 1)))
			return;
		if (leans(p, t, i, q) && abs(passing - q) > 2)
			return;
		dp->extra[i] = (int8_t)passing;
	}
	dp->extra_at[i] = (int8_t)at;
}

static void draw_ornaments(const struct plan *p, const struct plan_phrase *ph, const struct draft_phrase *model, int model_n, const struct task *t,
                           struct rng *r, struct draft_phrase *dp)
{
	int chances = 0, j = 0;
	for (int i = 0; i < ph->n; i++) {
		dp->extra[i] = EXTRA_NONE;
		dp->extra_at[i] = 0;
		chances += may_carry_two(p, ph, t, i);
	}
	float share = chances ? fminf(0.75f, 1.15f * p->style->melody.melisma * (float)ph->n / (float)chances) : 0;
	for (int i = 0; i < ph->n; i++) {
		if (!may_carry_two(p, ph, t, i))
			continue;
		int taken = 0;
		if (model) {
			while (j + 1 < model_n && model->onset[j] < dp->onset[i])
				j++;
			int plain = model->extra[j] == EXTRA_NONE ? model->midi[j] : j == model_n - 1 ? model->extra[j] : model->midi[j];
			taken = model->onset[j] == dp->onset[i] && plain == dp->midi[i];
		}
		float u = rng_unit(r);
		if (taken ? model->extra[j] != EXTRA_NONE : u < share)
			ornament(p, ph, t, i, r, dp);
	}
}

static void draw_tune(const struct plan *p, const struct pitch_tables *tab, int index, const struct manner *m, int before, struct rng *r,
                      struct draft *d)
{
	const struct plan_phrase *ph = &p->phrases[index];
	struct draft_phrase *dp = &d->phrases[index];
	struct task t = { .before = before };
	set_words(p, ph, dp, &t);
	set_window(p, ph, m, m->peak == index, r, &t);
	int model = dp->model >= 0 ? p->phrases[dp->model].source >= 0 ? p->phrases[dp->model].source : dp->model : -1;
	const struct draft_phrase *md = model >= 0 ? &d->phrases[model] : NULL;
	struct draft_phrase plain;
	if (md) {
		plain = *md; /* without its ornaments: a leaning last note back to where it leads */
		int last = p->phrases[model].n - 1;
		if (plain.extra[last] != EXTRA_NONE)
			plain.midi[last] = plain.extra[last];
		take_model(p, ph, &p->phrases[model], &plain, dp, &t);
	}
	if (m->peak == index && !ph->same_words)
		place_peak(p, ph, &t);
	fill_task(p, tab, &t, r);
	memcpy(dp->midi, t.midi, sizeof dp->midi);
	draw_ornaments(p, ph, md, md ? p->phrases[model].n : 0, &t, r, dp);
}

void melody_draw(const struct plan *p, const struct pitch_tables *tab, struct rng *r, struct draft *d)
{
	struct manner manner[FAMILIES];
	for (int f = 0; f < FAMILIES; f++)
		draw_manner(p, (enum tune_family)f, r, &manner[f]);
	/* The one peak is the chorus', else the bridge's, else the verse's. */
	static const enum tune_family order[] = { FAMILY_CHORUS, FAMILY_BRIDGE, FAMILY_VERSE, FAMILY_POST, FAMILY_PRE, FAMILY_OTHER };
	for (int f = 0, found = 0; f < FAMILIES; f++) {
		if (found)
			manner[order[f]].peak = -1;
		found |= manner[order[f]].peak >= 0;
	}
	int before = 0;
	for (int i = 0; i < p->n_phrases; i++) {
		const struct plan_phrase *ph = &p->phrases[i];
		if (ph->source < 0 && ph->rap)
			rap_speak(p, ph, &d->phrases[i]);
		else if (ph->source < 0)
			draw_tune(p, tab, i, &manner[p->sections[ph->section].family], before, r, d);
		before = ph->rap ? 0 : d->phrases[ph->source >= 0 ? ph->source : i].midi[ph->n - 1];
	}
}

/* ---- an instrument's phrase ---- */

void melody_for_instrument(const struct plan *p, const struct pitch_tables *tab, struct rng *r, const int *onset, int n, int low, int high,
                           float centre, const int8_t *model, int8_t *midi)
{
	struct task t = { .n = n, .low = low, .high = high, .centre = centre, .bend = 3, .shape = (int)rng_below(r, 4) };
	for (int i = 0; i < n; i++) {
		t.at[i] = onset[i];
		t.hold[i] = i + 1 < n ? onset[i + 1] - onset[i] : 8;
		if (!model || !model[i])
			continue;
		const struct plan_chord *c = chord_for(p, onset[i], t.hold[i]);
		int deg = (model[i] - p->tonic_pc + 120) % 12;
		if (c->weight[0][deg] > 0 && (!strong_note(p, onset[i], t.hold[i]) || (c->tones >> deg & 1)))
			t.fixed[i] = model[i];
		else
			t.near[i] = model[i];
	}
	fill_task(p, tab, &t, r);
	memcpy(midi, t.midi, (size_t)n);
}

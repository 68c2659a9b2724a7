/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rap: lines that are spoken in rhythm.
 *
 * A section's lines go round in a flow, a bar that several rap songs share, and each line bends it to its words: by dynamic programming over syllables and
 * sixteenths its stresses fall on beats, its rhyme where rap songs rhyme (on the fourth beat most of all), its other syllables in between, mostly a sixteenth
 * apart. All shares are counted from 124 rap songs (MCFlow; tables.c). There is no tune: the pitches are those of a speaker who accents. */
#include "compose/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_S 0.13          /* least length of a line's last note, and of the breath after it */
#define SYLLABLE_S 0.11      /* nobody is understood who speaks faster; consonants at the end take longer */
#define STEPS_MAX ((PHRASE_BARS_MAX + 1) * BAR_STEPS_MAX)
#define GAP_LONGEST 8        /* steps from syllable to syllable within a line */

int rap_least_step(const struct meter *m)
{
	return m->step_s >= SYLLABLE_S ? 1 : 2;
}

int rap_least_gap(const struct meter *m)
{
	return 2 * (int)ceil(NOTE_S / m->step_s - 1e-6) + (m->step_s < 0.2);
}

/* The sixteenth of a bar of 4/4 that a step is like: in shorter bars the third beat is missing, so that the last one stays where rhymes are. */
static int like_step(const struct meter *m, int t)
{
	return t < m->steps - 4 ? t : t - m->steps + 16;
}

static int is_strong(const struct lyrics *l, int syllable)
{
	const struct syllable *s = &l->syllables[syllable];
	const struct word *w = &l->words[s->word];
	return w->n_syllables == 1 ? w->content : s->stress == STRESS_PRIMARY;
}

int rhyme_syllable(const struct lyrics *l, const struct plan_phrase *ph)
{
	int last = l->syllables[ph->first_syllable + ph->n - 1].word;
	const struct word *w = &l->words[last];
	for (int i = ph->n - 1; i >= 0 && l->syllables[ph->first_syllable + i].word == last; i--)
		if (w->n_syllables == 1 || l->syllables[ph->first_syllable + i].stress == STRESS_PRIMARY)
			return i;
	return ph->n - 1;
}

/* ---- what a syllable costs where ---- */

void rap_stress(const struct plan *p, int syllable, float *cost)
{
	const struct syllable *s = &p->lyrics->syllables[syllable];
	float onsets = 0, stressed = 0;
	for (int t = 0; t < 16; t++) {
		onsets += rap_onset_share[t];
		stressed += rap_onset_share[t] * rap_stressed_share[t];
	}
	float mean = stressed / onsets;
	/* Words of one syllable bend more easily than the stresses within a word. */
	float sure = p->lyrics->words[s->word].n_syllables == 1 ? 0.75f : s->stress == STRESS_SECONDARY ? 0.3f : 1;
	int strong = is_strong(p->lyrics, syllable);
	for (int t = 0; t < BAR_STEPS_MAX; t++) {
		int k = like_step(&p->meter, t % p->meter.steps);
		float share = strong ? rap_stressed_share[k] / mean : (1 - rap_stressed_share[k]) / (1 - mean);
		cost[t] = -sure * logf(share) - 0.5f * logf(rap_onset_share[k] * 16 / onsets);
	}
}

float rap_hold(const struct plan *p, int syllable, int steps)
{
	/* -log(share): 64 of 100 syllables are sixteenths. */
	static const float usual[GAP_LONGEST + 1] = { 0, 0.45f, 1.1f, 2.3f, 2.4f, 3.2f, 3.2f, 4, 4 };
	const struct syllable *s = &p->lyrics->syllables[syllable];
	const struct word *w = &p->lyrics->words[s->word];
	float seconds = (float)(steps * p->meter.step_s);
	if (steps > GAP_LONGEST || steps < 1 || seconds < (float)SYLLABLE_S)
		return RAP_NEVER;
	int ends_word = syllable == w->first_syllable + w->n_syllables - 1;
	float cost = 0.3f * usual[steps];
	if (ends_word && w->punct && w->punct != '-')
		cost = steps == 1 ? 1.0f : 0.1f * usual[steps];
	else if (steps > 2 && !ends_word)
		cost += 0.8f;
	return cost + 10 * fmaxf(0, 0.13f + 0.025f * (float)s->coda_consonants - seconds);
}

static float rhyme_cost(const struct plan *p, const struct plan_phrase *ph, int t)
{
	float share = rap_rhyme_share[like_step(&p->meter, (t + 64 * p->meter.steps) % p->meter.steps)];
	return -(ph->rhyme >= 0 ? 1.3f : ph->ends_line ? 0.9f : 0.4f) * logf(share / 0.22f);
}

uint16_t rap_draw_flow(const struct plan *p, int n, struct rng *r)
{
	float weight[512];
	int k = n_rap_rhythms < 512 ? n_rap_rhythms : 512;
	for (int i = 0; i < k; i++) {
		float far = (float)(__builtin_popcount(rap_rhythms[i].mask) - n) / 1.2f;
		weight[i] = (float)rap_rhythms[i].songs / (1 + far * far * far * far);
	}
	unsigned mask = rap_rhythms[rng_weighted(r, weight, k)].mask, flow = 0;
	for (int t = 0; t < p->meter.steps; t++)
		flow |= (mask >> like_step(&p->meter, t) & 1) << t;
	return (uint16_t)flow;
}

/* ---- a line in its flow ---- */

/* What an onset at step t (from the slot) costs whatever the syllable: off the flow, away from the model's line, and a whim. */
static void onset_costs(const struct plan *p, uint16_t flow, const struct draft_phrase *model, int earliest, int latest,
                        struct rng *r, float *cost)
{
	int steps = p->meter.steps;
	for (int t = earliest; t <= latest; t++) {
		int in_bar = (t + 64 * steps) % steps, bar = (t + steps) / steps;
		float c = flow >> in_bar & 1 ? -0.35f : 0.45f;
		if (model && bar <= PHRASE_BARS_MAX)
			c += model->bar_mask[bar] >> in_bar & 1 ? -0.4f : 0.2f;
		cost[t - earliest] = c + 0.12f * rng_gauss(r);
	}
}

static float start_at(int t)
{
	return t < 0 ? 0.2f + 0.15f * (float)-t : t <= 2 ? 0 : 0.15f * (float)(t - 2);
}

static float end_at(const struct plan *p, const struct plan_phrase *ph, int t)
{
	int left = ph->bars * p->meter.steps - t;
	return 0.12f * (float)(left > 5 ? left - 5 : 0);
}

/* What a gap of g steps costs that is far from the pace at which the line fills its bars. */
static void pace_costs(const struct plan *p, const struct plan_phrase *ph, float *cost)
{
	float even = fmaxf(1, (float)(ph->bars * p->meter.steps - 4) / (float)ph->n);
	for (int g = 1; g <= GAP_LONGEST; g++) {
		float far = log2f((float)g / even);
		cost[g] = 0.7f * far * far;
	}
}

int rap_fit(const struct plan *p, const struct plan_phrase *ph, uint16_t flow, const struct draft_phrase *model, int earliest, int latest, const float *hold,
            int gaps, struct rng *r, int16_t *onset)
{
	static const float never = RAP_NEVER;
	float best[PHRASE_MAX][STEPS_MAX], at[STEPS_MAX], pace[GAP_LONGEST + 1];
	int16_t from[PHRASE_MAX][STEPS_MAX];
	earliest = earliest < -6 ? -6 : earliest;
	int n = ph->n, steps = p->meter.steps, width = latest - earliest + 1, rhyme = rhyme_syllable(p->lyrics, ph);
	if (n < 1 || width < n || width > STEPS_MAX)
		return -1;
	onset_costs(p, flow, model, earliest, latest, r, at);
	pace_costs(p, ph, pace);
	for (int i = 0; i < n; i++)
		for (int x = 0; x < width; x++) {
			int t = x + earliest;
			float least = i ? never : start_at(t);
			from[i][x] = -1;
			for (int g = 1; i && g <= GAP_LONGEST && g < gaps && g <= x; g++) {
				float c = best[i - 1][x - g] + hold[(i - 1) * gaps + g] + pace[g];
				if (c < least) {
					least = c;
					from[i][x] = (int16_t)(x - g);
				}
			}
			best[i][x] = least + at[x] + p->stress[(ph->first_syllable + i) * BAR_STEPS_MAX + (t + 64 * steps) % steps] +
				     (i == rhyme ? rhyme_cost(p, ph, t) : 0) + (i == n - 1 ? end_at(p, ph, t) : 0);
		}
	int end = 0;
	for (int x = 1; x < width; x++)
		if (best[n - 1][x] < best[n - 1][end])
			end = x;
	if (best[n - 1][end] >= never / 2)
		return -1;
	for (int i = n - 1, x = end; i >= 0; x = from[i--][x])
		onset[i] = (int16_t)(x + earliest);
	return 0;
}

/* ---- the speaking voice ---- */

int rap_centre(const struct plan *p)
{
	/* A third of the way up is where the singers speak by themselves; the key's tonic or fifth next to it. */
	const struct singer *s = p->brief->singer;
	int low = s ? s->low : 48, high = s ? s->high : 66, want = low + (high - low) / 3, best = want;
	for (int far = 3; far >= -3; far--) {
		int deg = (want + far - p->tonic_pc + 120) % 12;
		if ((deg == 0 || deg == 7) && (best == want ? 9 : abs(best - want)) > abs(far))
			best = want + far;
	}
	return best;
}

void rap_speak(const struct plan *p, const struct plan_phrase *ph, struct draft_phrase *dp)
{
	/* Lines call and answer. */
	static const int lift[4] = { 0, -1, 1, -1 };
	int centre = rap_centre(p), rhyme = rhyme_syllable(p->lyrics, ph), k = (int)(ph - p->phrases) - p->sections[ph->section].first_phrase;
	for (int i = 0; i < ph->n; i++) {
		const struct syllable *s = &p->lyrics->syllables[ph->first_syllable + i];
		int accent = is_strong(p->lyrics, ph->first_syllable + i) ? 2 : s->stress == STRESS_SECONDARY ? 1 : 0;
		if (i == rhyme)
			accent = ph->rhyme >= 0 ? 3 : 2;
		dp->midi[i] = (int8_t)(centre + lift[k % 4] + accent);
		dp->extra[i] = EXTRA_NONE;
		dp->extra_at[i] = 0;
	}
}

/* ---- figures ---- */

static float share_of(int part, int whole)
{
	return whole ? (float)part / (float)whole : 0;
}

/* Counts of one line, notes[first..last]. */
static void count_line(const struct plan *p, const struct draft_note *notes, int first, int last, int n, int *sixteenths, int *breaths)
{
	for (int i = first; i < last; i++)
		*sixteenths += notes[i + 1].start - notes[i].start == 1;
	*breaths += last + 1 == n || (notes[last + 1].start - notes[last].end) * p->meter.step_s >= NOTE_S;
}

static int bar_rhythm_of(const struct plan *p, const struct draft_note *notes, int n, int *i)
{
	int steps = p->meter.steps, bar = notes[*i].start / steps, mask = 0;
	for (; *i < n && notes[*i].start / steps == bar; ++*i)
		mask |= 1 << notes[*i].start % steps;
	return mask;
}

/* The share of bars whose rhythm differs from an earlier one in two onsets at most. */
static float count_again(const struct plan *p, const struct draft_note *notes, int n)
{
	int seen[SONG_BARS_MAX], bars = 0, again = 0;
	for (int i = 0; i < n && bars < SONG_BARS_MAX;) {
		seen[bars] = bar_rhythm_of(p, notes, n, &i);
		int found = 0;
		for (int k = 0; k < bars && !found; k++)
			found = __builtin_popcount((unsigned)(seen[k] ^ seen[bars])) <= 2;
		again += found;
		bars++;
	}
	return share_of(again, bars);
}

/* Rhyming lines of a section: whether they rhyme on the fourth beat, and where the one before did. */
static void count_rhymes(const struct plan *p, const struct draft_note *notes, int n, struct rap_figures *f)
{
	int on_four = 0, pairs = 0, meet = 0;
	for (int i = 0; i < n; i++) {
		const struct plan_phrase *ph = &p->phrases[notes[i].phrase];
		if (!ph->ends_line || notes[i].syllable != ph->first_syllable + rhyme_syllable(p->lyrics, ph))
			continue;
		int in_bar = notes[i].start % p->meter.steps;
		f->rhymes++;
		on_four += in_bar == p->meter.steps - 4;
		for (int k = i - 1; k >= 0 && ph->rhyme >= 0 && p->phrases[notes[k].phrase].section == ph->section; k--) {
			const struct plan_phrase *b = &p->phrases[notes[k].phrase];
			if (b == ph || b->rhyme != ph->rhyme || notes[k].syllable != b->first_syllable + rhyme_syllable(p->lyrics, b))
				continue;
			pairs++;
			meet += notes[k].start % p->meter.steps == in_bar;
			break;
		}
	}
	f->rhyme_on_four = share_of(on_four, f->rhymes);
	f->rhymes_meet = pairs ? share_of(meet, pairs) : 1;
}

void rap_measure(const struct plan *p, const struct draft_note *notes, int n, struct rap_figures *ret)
{
	int strong = 0, strong_on = 0, weak = 0, weak_on = 0, sixteenths = 0, breaths = 0, lines = 0;
	memset(ret, 0, sizeof *ret);
	ret->notes = n;
	for (int i = 0, first = 0; i < n; i++) {
		int on = p->meter.place[notes[i].start % p->meter.steps] <= PLACE_BEAT;
		if (is_strong(p->lyrics, notes[i].syllable)) {
			strong++;
			strong_on += on;
		} else {
			weak++;
			weak_on += on;
		}
		if (i + 1 < n && notes[i + 1].phrase == notes[i].phrase)
			continue;
		count_line(p, notes, first, i, n, &sixteenths, &breaths);
		ret->pace = fmaxf(ret->pace, (float)(i - first + 1) / (float)((notes[i].end - notes[first].start) * p->meter.step_s));
		first = i + 1;
		lines++;
	}
	ret->stressed_on = share_of(strong_on, strong);
	ret->unstressed_on = share_of(weak_on, weak);
	ret->sixteenths = share_of(sixteenths, n);
	ret->breath = share_of(breaths, lines);
	ret->rhythm_again = count_again(p, notes, n);
	count_rhymes(p, notes, n, ret);
}

static float outside(float v, float low, float high, float odd)
{
	float z = (v < low ? low - v : v > high ? v - high : 0) / odd;
	return z + z * z;
}

float rap_cost(const struct rap_figures *f)
{
	if (!f->notes)
		return 0;
	float sure = fminf(1, (float)f->notes / 80);
	/* MCFlow: stressed on a beat 45 % (0.45 of all syllables that are stressed), unstressed 6 %, sixteenths 64 %, of the onsets on beat 4 65 % rhyme. */
	return 2.5f * sure * outside(f->stressed_on, 0.42f, 0.7f, 0.05f) + 2.5f * sure * outside(f->unstressed_on, 0, 0.07f, 0.03f) +
	       1.5f * sure * outside(f->sixteenths, 0.5f, 0.72f, 0.06f) + 2 * sure * outside(f->rhyme_on_four, 0.55f, 1, 0.08f) +
	       2 * sure * outside(f->rhymes_meet, 0.7f, 1, 0.1f) + 1.5f * sure * outside(f->rhythm_again, 0.45f, 0.85f, 0.06f) +
	       1.5f * outside(f->pace, 0, 5.6f, 0.4f) + 2 * outside(f->breath, 0.8f, 1, 0.1f);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seed_distance [-s STYLE] [-n SEEDS] [-c CANDIDATES] LYRICS
 *
 * How far the songs of different seeds lie from each other, by style, over all pairs of SEEDS scores of the same lyrics:
 *   tune     edit distance between the first choruses' tunes as strings of (interval, time to the next note), over the longer one's length
 *   rhythm   the same for the times alone
 *   chords   share of the bars of first verse and first chorus with another degree on their first beat
 *   drums    share of pairs whose drums play the first chorus (its second bar) otherwise; likewise bass and the first accompanist
 *   keys     different keys; bpm: from the slowest to the fastest
 * Prints a table for docs/styles.md. */
#include "compose_support.h"

#define SEEDS_MAX 200
#define TUNE_MAX 200
#define BARS_MAX 32

struct sketch {
	int n, interval[TUNE_MAX], gap[TUNE_MAX];
	int n_bars, degree[2 * BARS_MAX];
	uint64_t groove[3];       /* drums, bass, first accompanist: onsets (and drums' keys) of a bar, hashed */
	int key;
	double bpm;
};

static const struct score_section *first_of(const struct score *s, enum section_kind kind)
{
	for (int i = 0; i < s->n_sections; i++)
		if (s->sections[i].kind == kind)
			return &s->sections[i];
	return NULL;
}

static void sketch_tune(const struct score *s, int section, struct sketch *k)
{
	const struct vocal_note *before = NULL;
	for (int i = 0; i < s->n_vocal && k->n < TUNE_MAX; i++) {
		const struct vocal_note *v = &s->vocal[i];
		if (v->section != section)
			continue;
		if (before) {
			k->interval[k->n] = v->midi - before->midi;
			k->gap[k->n++] = v->start - before->start;
		}
		before = v;
	}
}

static void sketch_chords(const struct score *s, const struct score_section *sec, struct sketch *k)
{
	int bar = score_bar_ticks(s);
	for (int b = 0; b < BARS_MAX; b++) {
		int at = sec->start + b * bar;
		k->degree[k->n_bars++] = at < sec->end ? score_chord_at(s, at)->chord.root : -1;
	}
}

static uint64_t groove_of_bar(const struct score *s, enum part_role role, int start)
{
	uint64_t h = 1469598103934665603u;
	int end = start + score_bar_ticks(s);
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		if (p->role != role)
			continue;
		for (int k = 0, last = -1; k < p->n_notes; k++) {
			int at = p->notes[k].start, key = role == ROLE_DRUMS ? p->notes[k].midi : 0;
			if (at < start || at >= end || (at == last && !key))
				continue;
			h = (h ^ (uint64_t)(at - start + 1)) * 1099511628211u;
			h = (h ^ (uint64_t)key) * 1099511628211u;
			last = at;
		}
		return h;
	}
	return h;
}

static int make_sketch(struct studio *st, struct lyrics *l, const struct madrigal_request *req, struct sketch *k)
{
	struct brief brief;
	struct score s;
	memset(k, 0, sizeof *k);
	if (studio_compose(st, l, req, &brief, &s))
		return -1;
	const struct score_section *verse = first_of(&s, SECTION_VERSE), *chorus = first_of(&s, SECTION_CHORUS);
	if (verse && chorus) {
		static const enum part_role roles[3] = { ROLE_DRUMS, ROLE_BASS, ROLE_COMP };
		sketch_tune(&s, (int)(chorus - s.sections), k);
		sketch_chords(&s, verse, k);
		sketch_chords(&s, chorus, k);
		for (int i = 0; i < 3; i++)
			k->groove[i] = groove_of_bar(&s, roles[i], chorus->start + score_bar_ticks(&s));
	}
	k->key = s.tonic_pc + 12 * (s.minor > 0);
	k->bpm = s.tempo_bpm;
	score_release(&s);
	return k->n ? 0 : -1;
}

static double edit_distance(const struct sketch *a, const struct sketch *b, int intervals)
{
	int row[TUNE_MAX + 1];
	for (int j = 0; j <= b->n; j++)
		row[j] = j;
	for (int i = 1; i <= a->n; i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= b->n; j++) {
			int same = a->gap[i - 1] == b->gap[j - 1] && (!intervals || a->interval[i - 1] == b->interval[j - 1]);
			int best = diagonal + !same;
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return (double)row[b->n] / (a->n > b->n ? a->n : b->n);
}

static double chord_distance(const struct sketch *a, const struct sketch *b)
{
	int bars = 0, other = 0;
	for (int i = 0; i < 2 * BARS_MAX; i++)
		if (a->degree[i] >= 0 && b->degree[i] >= 0) {
			bars++;
			other += a->degree[i] != b->degree[i];
		}
	return bars ? (double)other / bars : 0;
}

static void print_style(const char *name, const struct sketch *k, int n)
{
	double tune = 0, least = 1, rhythm = 0, chords = 0, groove[3] = { 0 }, keys = 0, slow = 1e9, fast = 0;
	int pairs = 0;
	for (int i = 0; i < n; i++) {
		slow = k[i].bpm < slow ? k[i].bpm : slow;
		fast = k[i].bpm > fast ? k[i].bpm : fast;
		for (int j = i + 1; j < n; j++) {
			double d = edit_distance(&k[i], &k[j], 1);
			tune += d;
			least = d < least ? d : least;
			rhythm += edit_distance(&k[i], &k[j], 0);
			chords += chord_distance(&k[i], &k[j]);
			for (int g = 0; g < 3; g++)
				groove[g] += k[i].groove[g] != k[j].groove[g];
			keys += k[i].key != k[j].key;
			pairs++;
		}
	}
	if (pairs)
		printf("| %s | %.2f (%.2f) | %.2f | %.0f %% | %.0f / %.0f / %.0f %% | %.0f %% | %.0f..%.0f |\n", name, tune / pairs, least, rhythm / pairs,
		       100 * chords / pairs, 100 * groove[0] / pairs, 100 * groove[1] / pairs, 100 * groove[2] / pairs, 100 * keys / pairs, slow, fast);
}

int main(int argc, char **argv)
{
	struct madrigal_request req = { .candidates = COMPOSE_DEFAULT_CANDIDATES };
	const char *only = NULL;
	int seeds = 50, i = 1;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "-s"))
			only = argv[i + 1];
		else if (!strcmp(argv[i], "-n"))
			seeds = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "-c"))
			req.candidates = atoi(argv[i + 1]);
	}
	static struct sketch sketches[SEEDS_MAX];
	struct studio st;
	struct lyrics l;
	char *text;
	size_t len;
	seeds = seeds > SEEDS_MAX ? SEEDS_MAX : seeds;
	if (i >= argc || studio_open(&st) || file_read(argv[i], 100000, &text, &len, &st.err) || lyrics_parse(text, len, st.lexicon, 0, &l, &st.err)) {
		fprintf(stderr, "seed_distance [-s STYLE] [-n SEEDS] [-c CANDIDATES] LYRICS: %s\n", i < argc ? st.err.message : "no lyrics");
		return 1;
	}
	printf("| style | tune (nearest pair) | rhythm | chords | drums / bass / comp | keys | bpm |\n|---|---|---|---|---|---|---|\n");
	for (int s = 0; s < st.styles.n; s++) {
		int n = 0;
		req.style = st.styles.styles[s]->name;
		if (only && strcmp(only, req.style))
			continue;
		for (int seed = 1; seed <= seeds; seed++) {
			req.seed = (uint64_t)seed;
			n += make_sketch(&st, &l, &req, &sketches[n]) == 0;
		}
		print_style(req.style, sketches, n);
	}
	free(text);
	lyrics_release(&l);
	studio_close(&st);
	return 0;
}

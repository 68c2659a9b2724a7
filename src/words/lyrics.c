/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parse, in four steps: text.c makes plain text, events.c finds lines, tags and marks, here they become sections and
 * words with sounds, relate.c compares them. */
#include "words/lyrics.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/events.h"
#include "words/phonemes.h"
#include "words/relate.h"
#include "words/text.h"
#include "words/tokens.h"

#define BREATH_SYLLABLES 16   /* a longer line is sung in two breaths */
#define PIECE_SYLLABLES 11    /* what a broken line's pieces should have */
#define PIECE_MAX_SYLLABLES 20
#define BLOCK_LINES 4         /* lines of a section cut out of a long block */
#define BLOCK_MAX_LINES 8
#define WORD_SYLLABLES_MAX 64

const char *const section_ids[SECTION_KINDS] = {
	"intro", "verse", "pre_chorus", "chorus", "post_chorus", "hook", "bridge", "interlude", "inst", "solo", "break", "build_up", "transition", "outro",
};
const char *const section_titles[SECTION_KINDS] = {
	"Intro", "Verse", "Pre Chorus", "Chorus", "Post Chorus", "Hook", "Bridge", "Interlude", "Inst", "Solo", "Break", "Build Up", "Transition", "Outro",
};

/* A line before it has words. */
struct draft {
	const char *text;
	int backing, pause, section;
};

struct parse {
	struct lexicon *lx;
	struct arena arena;
	struct lyrics l;
	int sections_cap, lines_cap, words_cap, syllables_cap;
	struct draft *drafts;
	int n_drafts, drafts_cap;
	unsigned char *untagged; /* by section */
	int untagged_cap;
};

static int add_section(struct parse *p, enum section_kind kind, int number, int untagged)
{
	struct lyrics *l = &p->l;
	if (array_reserve((void **)&l->sections, &p->sections_cap, l->n_sections, sizeof *l->sections) < 0 ||
	    array_reserve((void **)&p->untagged, &p->untagged_cap, l->n_sections, 1) < 0)
		return -1;
	p->untagged[l->n_sections] = (unsigned char)untagged;
	l->sections[l->n_sections++] = (struct lyric_section){ .kind = kind, .number = number };
	return 0;
}

static int add_draft(struct parse *p, const struct event *e, int pause, int section)
{
	if (array_reserve((void **)&p->drafts, &p->drafts_cap, p->n_drafts, sizeof *p->drafts) < 0)
		return -1;
	p->drafts[p->n_drafts++] = (struct draft){ .text = e->text, .backing = e->backing, .pause = pause, .section = section };
	return 0;
}

/* ---- sections ---- */

static int has_drafts(const struct parse *p, int section)
{
	return p->n_drafts > 0 && p->drafts[p->n_drafts - 1].section == section;
}

static int is_played(enum section_kind k)
{
	return k == SECTION_INTRO || k == SECTION_INTERLUDE || k == SECTION_INST || k == SECTION_SOLO || k == SECTION_BREAK || k == SECTION_OUTRO;
}

/* ## asks for accompaniment: before the lyrics, after them or between, unless a tag says so already. */
static int add_mark(struct parse *p, const struct events *ev, int i)
{
	const struct event *next = NULL;
	int last = p->l.n_sections - 1, more = 0;
	for (int j = i + 1; j < ev->n; j++) {
		if (!next && ev->items[j].type != EVENT_BLANK && ev->items[j].type != EVENT_MARK)
			next = &ev->items[j];
		more |= ev->items[j].type == EVENT_LINE || ev->items[j].type == EVENT_TAG;
	}
	if (next && next->type == EVENT_TAG && is_played(next->kind))
		return 0;
	if (last >= 0 && !has_drafts(p, last) && is_played(p->l.sections[last].kind))
		return 0;
	return add_section(p, last < 0 ? SECTION_INTRO : more ? SECTION_INTERLUDE : SECTION_OUTRO, 0, 0);
}

static int plan_tagged(struct parse *p, const struct events *ev)
{
	int open = 0, pause = 0, rc = 0; /* open: lines go to the last section */
	for (int i = 0; i < ev->n && rc == 0; i++) {
		const struct event *e = &ev->items[i];
		switch (e->type) {
		case EVENT_TAG:
			rc = add_section(p, e->kind, e->number, 0);
			open = 1;
			pause = 0;
			break;
		case EVENT_MARK:
			rc = add_mark(p, ev, i);
			open = pause = 0;
			break;
		case EVENT_BLANK:
			pause = 1;
			break;
		case EVENT_LINE:
			if (!open)
				rc = add_section(p, SECTION_VERSE, 0, 0);
			open = 1;
			if (rc == 0)
				rc = add_draft(p, e, pause && has_drafts(p, p->l.n_sections - 1), p->l.n_sections - 1);
			pause = 0;
			break;
		}
	}
	return rc;
}

/* Lines of events a..b-1 that the lead sings, and into how many blocks blank lines and marks divide them. */
static void count_stanzas(const struct events *ev, int a, int b, int *ret_lines, int *ret_blocks)
{
	int in_block = 0;
	*ret_lines = *ret_blocks = 0;
	for (int i = a; i < b; i++) {
		if (ev->items[i].type != EVENT_LINE) {
			in_block = 0;
		} else if (!ev->items[i].backing) {
			++*ret_lines;
			*ret_blocks += !in_block;
			in_block = 1;
		}
	}
}

/* The next section's worth of lines of the stanza from event a on. sole: no blank lines divide the text. */
static int stanza_end(const struct events *ev, int a, int b, int sole, int double_spaced)
{
	int lines = 0, end = a, total = 0;
	for (; end < b && (double_spaced || ev->items[end].type == EVENT_LINE); end++)
		total += ev->items[end].type == EVENT_LINE && !ev->items[end].backing;
	if (total <= BLOCK_LINES + 2 || (!sole && total <= BLOCK_MAX_LINES))
		return end;
	for (end = a; end < b; end++) {
		lines += ev->items[end].type == EVENT_LINE && !ev->items[end].backing;
		if (lines > BLOCK_LINES)
			break;
	}
	return end;
}

/* ---- lines that return in a text without blank lines ---- */

#define RETURN_LEAST 2   /* lines */
#define RETURN_MOST 8
#define RETURN_TEXT 400  /* lines of a text that is searched */

static int same_text(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !isalnum((unsigned char)*a) && !((unsigned char)*a & 0x80))
			a++;
		while (*b && !isalnum((unsigned char)*b) && !((unsigned char)*b & 0x80))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return 0;
		if (!*a)
			return 1;
	}
}

static int run_length(const struct events *ev, const int *line, int n, int i, int j)
{
	int k = 0;
	while (k < RETURN_MOST && i + k < j && j + k < n && same_text(ev->items[line[i + k]].text, ev->items[line[j + k]].text))
		k++;
	return k;
}

/* The run of lines that returns with most to show for it is the chorus: sets starts[i - a] for each event i of a..b-1 at which it begins, or what
 * follows it does. */
static void find_returns(const struct events *ev, int a, int b, unsigned char *starts)
{
	int line[RETURN_TEXT], n = 0, best = 0, best_len = 0, best_worth = 0;
	for (int i = a; i < b && n < RETURN_TEXT; i++)
		if (ev->items[i].type == EVENT_LINE)
			line[n++] = i;
	for (int i = 0; i < n; i++) {
		int seen = 0; /* what returns is counted from where it came first */
		for (int e = 0; e < i && !seen; e++)
			seen = run_length(ev, line, n, e, i) >= RETURN_LEAST;
		for (int j = i + RETURN_LEAST; j < n && !seen; j++) {
			int len = run_length(ev, line, n, i, j), count = 1;
			for (int k = j; len >= RETURN_LEAST && k + len <= n; k += run_length(ev, line, n, i, k) >= len ? (count++, len) : 1)
				;
			if (len >= RETURN_LEAST && len * count < n && len * (count - 1) > best_worth) {
				best = i;
				best_len = len;
				best_worth = len * (count - 1);
			}
		}
	}
	for (int k = best; best_len && k + best_len <= n;) {
		if (k != best && run_length(ev, line, n, best, k) < best_len) {
			k++;
			continue;
		}
		starts[line[k] - a] = 1;
		k += best_len;
		if (k < n)
			starts[line[k] - a] = 1;
	}
}

/* Events a..b-1 without marks: stanzas become sections. double_spaced: blank lines are only wide spacing. */
static int plan_run(struct parse *p, const struct events *ev, int a, int b, int double_spaced)
{
	int lines, blocks, pause = 0, rc = 0;
	count_stanzas(ev, a, b, &lines, &blocks);
	int sole = blocks == 1 || double_spaced, first = a;
	unsigned char *starts = calloc((size_t)(b - a) + 1, 1);
	if (!starts)
		return -1;
	if (sole)
		find_returns(ev, a, b, starts);
	while (a < b && rc == 0) {
		while (a < b && ev->items[a].type == EVENT_BLANK)
			a++;
		int next = a + 1;
		while (next < b && !starts[next - first])
			next++;
		int end = stanza_end(ev, a, next < b ? next : b, sole, double_spaced);
		if (end > a)
			rc = add_section(p, SECTION_VERSE, 0, 1);
		for (pause = 0; a < end && rc == 0; a++) {
			if (ev->items[a].type == EVENT_LINE) {
				rc = add_draft(p, &ev->items[a], pause, p->l.n_sections - 1);
				pause = 0;
			} else {
				pause = has_drafts(p, p->l.n_sections - 1);
			}
		}
	}
	free(starts);
	return rc;
}

static int plan_untagged(struct parse *p, const struct events *ev)
{
	int lines, blocks, rc = 0;
	count_stanzas(ev, 0, ev->n, &lines, &blocks);
	int double_spaced = blocks >= 4 && 2 * lines < 3 * blocks; /* a blank line after (nearly) every line */
	for (int i = 0; i < ev->n && rc == 0;) {
		int end = i;
		while (end < ev->n && ev->items[end].type != EVENT_MARK)
			end++;
		rc = plan_run(p, ev, i, end, double_spaced);
		if (rc == 0 && end < ev->n)
			rc = add_mark(p, ev, end);
		i = end + 1;
	}
	return rc;
}

/* ---- words ---- */

/* A word with its sound, before it has a line. */
struct sounded {
	struct syllable syllables[WORD_SYLLABLES_MAX];
	int n, content;
};

/* Sets the stress of a syllable and moves its mark. */
static void set_stress(struct syllable *s, enum stress stress)
{
	char out[PHONEMES_MAX];
	size_t k = 0;
	int marked = 0, vowel;
	const char *mark = stress == STRESS_PRIMARY ? "ˈ" : "ˌ";
	for (const char *p = s->phonemes; *p;) {
		int n = phoneme_next(p, &vowel);
		int is_mark = !strncmp(p, "ˈ", 2) || !strncmp(p, "ˌ", 2);
		if (vowel && stress && !marked && k + 2 < sizeof out) {
			memcpy(out + k, mark, 2);
			k += 2;
			marked = 1;
		}
		if (!is_mark && k + (size_t)n < sizeof out) {
			memcpy(out + k, p, (size_t)n);
			k += (size_t)n;
		}
		p += n;
	}
	out[k] = 0;
	strcpy(s->phonemes, out);
	s->stress = stress;
}

/* One syllable: stressed if it is a content word. More: one at least is. */
static void settle_stress(struct sounded *w)
{
	int best = 0;
	if (w->n == 1) {
		set_stress(&w->syllables[0], w->content ? STRESS_PRIMARY : STRESS_NONE);
		return;
	}
	for (int i = 0; i < w->n; i++) {
		if (w->syllables[i].stress == STRESS_PRIMARY)
			return;
		if (w->syllables[i].stress > w->syllables[best].stress)
			best = i;
	}
	set_stress(&w->syllables[best], STRESS_PRIMARY);
}

static int is_content(const struct parse *p, const char *lower)
{
	return lexicon_find(p->lx, LIST_FUNCTION, lower) == NULL;
}

static int starts_with_vowel(const struct sounded *w)
{
	int vowel;
	const char *s = w->syllables[0].phonemes;
	int n = phoneme_next(s, &vowel);
	if (!strncmp(s, "ˈ", 2) || !strncmp(s, "ˌ", 2))
		phoneme_next(s + n, &vowel);
	return vowel;
}

static int sound_token(struct parse *p, const struct tokens *t, int i, struct sounded *ret)
{
	const struct token *k = &t->items[i];
	struct buf b = buf_init(8192);
	/* "plan A", but "A day" */
	int letter = k->spell || (!strcmp(k->text, "A") && i > 0 && (i + 1 == t->n || k->punct));
	int rc = lexicon_pronounce(p->lx, k->lower, i ? t->items[i - 1].lower : NULL, i + 1 < t->n ? t->items[i + 1].lower : NULL, letter, &b);
	if (rc == 0) {
		ret->n = phonemes_split(buf_str(&b), ret->syllables, WORD_SYLLABLES_MAX);
		ret->content = letter || is_content(p, k->lower);
		settle_stress(ret);
	}
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}

/* Token i + 1 has a capital where token i and grammar give no reason for one: a line began there before some program
 * joined the lines. */
static int was_line_start(const struct tokens *t, int i)
{
	const struct token *a = &t->items[i], *b = &t->items[i + 1];
	return b->text[0] >= 'A' && b->text[0] <= 'Z' && !(a->text[0] >= 'A' && a->text[0] <= 'Z') && strcmp(b->lower, "i") && strncmp(b->lower, "i'", 2);
}

static int is_among(const char *words, const char *word)
{
	char padded[32];
	snprintf(padded, sizeof padded, " %.28s ", word);
	return strstr(words, padded) != NULL;
}

/* No line ends with these: they belong to what follows. */
static int clings(const struct token *t)
{
	static const char words[] = " the a an my your his her our their its of to with and but or nor in at from for by i we he she they i'm you're we're they're he's she's it's "
		"is are was were be as than if into onto when that who whose no so very gonna wanna gotta don't can't won't will would could should may might must have had has i've i'll ";
	return is_among(words, t->lower);
}

/* Two capitals or more that begin phrases of four syllables at least: the text had lines once. Names stand closer. */
static int was_joined(const struct tokens *t, const struct sounded *w)
{
	int starts = 0, syllables = 0;
	for (int i = 0; i < t->n; i++) {
		syllables += w[i].n;
		if (i + 1 < t->n && !was_line_start(t, i))
			continue;
		if (syllables < 4 || (i + 1 < t->n && !t->items[i].punct && clings(&t->items[i])))
			return 0;
		starts++;
		syllables = 0;
	}
	return starts > 2;
}

/* What it costs to breathe after token i; 1 is what a piece costs that is four syllables off the best length. */
static double break_cost(const struct parse *p, const struct tokens *t, int i, int joined)
{
	static const char conjunctions[] = " and but or nor so 'cause cause because when while if as that where then 'til til until till though like ";
	const struct token *a = &t->items[i], *b = &t->items[i + 1];
	if (!b->starts_source)
		return 6;
	if (was_line_start(t, i) && (joined || a->punct))
		return joined ? -4 : -0.4;
	if (a->punct)
		return strchr(".?!;:", a->punct) ? 0 : 0.2;
	if (clings(a))
		return 4;
	if (is_among(conjunctions, b->lower))
		return 0.3;
	return is_content(p, b->lower) ? 3 : 2;
}

/* Chooses where a long line is broken: after[i] = 1 means that a piece ends with token i. Dynamic programming over the
 * place of the last break. */
static int break_line(const struct parse *p, const struct tokens *t, const struct sounded *w, unsigned char *after)
{
	int n = t->n, total = 0;
	for (int i = 0; i < n; i++)
		total += w[i].n;
	after[n - 1] = 1;
	if (total <= BREATH_SYLLABLES)
		return 0;
	double *cost = malloc((size_t)(n + 1) * sizeof *cost);
	int *from = malloc((size_t)(n + 1) * sizeof *from);
	if (!cost || !from) {
		free(cost);
		free(from);
		return -1;
	}
	int joined = was_joined(t, w);
	cost[0] = 0;
	for (int end = 1; end <= n; end++) {
		int syllables = 0;
		double here = end < n ? break_cost(p, t, end - 1, joined) : 0;
		cost[end] = 1e30;
		from[end] = end - 1;
		for (int a = end - 1; a >= 0; a--) {
			syllables += w[a].n;
			if (syllables > PIECE_MAX_SYLLABLES && a < end - 1)
				break;
			double d = (syllables - PIECE_SYLLABLES) / 4.0, c = cost[a] + d * d + here;
			if (c < cost[end]) {
				cost[end] = c;
				from[end] = a;
			}
		}
	}
	for (int end = n; end > 0; end = from[end])
		after[end - 1] = 1;
	free(cost);
	free(from);
	return 0;
}

static int add_word(struct parse *p, const struct token *t, const struct sounded *w, int line)
{
	struct lyrics *l = &p->l;
	if (array_reserve((void **)&l->words, &p->words_cap, l->n_words, sizeof *l->words) < 0)
		return -1;
	for (int i = 0; i < w->n; i++) {
		if (array_reserve((void **)&l->syllables, &p->syllables_cap, l->n_syllables + i, sizeof *l->syllables) < 0)
			return -1;
		l->syllables[l->n_syllables + i] = w->syllables[i];
		l->syllables[l->n_syllables + i].word = l->n_words;
	}
	l->words[l->n_words++] = (struct word){ .text = t->text, .line = line, .first_syllable = l->n_syllables, .n_syllables = w->n, .content = w->content,
		.punct = t->punct, .starts_source = t->starts_source };
	l->n_syllables += w->n;
	return 0;
}

static int add_line(struct parse *p, const struct draft *d, const struct tokens *t, const struct sounded *w, int a, int b)
{
	struct lyrics *l = &p->l;
	struct buf shown = buf_init(1u << 16);
	if (array_reserve((void **)&l->lines, &p->lines_cap, l->n_lines, sizeof *l->lines) < 0)
		return -1;
	text_show(d->text + t->items[a].from, t->items[b - 1].to - t->items[a].from, &shown);
	struct line *x = &l->lines[l->n_lines];
	*x = (struct line){ .section = d->section, .first_word = l->n_words, .n_words = b - a, .backing = d->backing, .pause_before = a == 0 && d->pause,
		.punct = t->items[b - 1].punct, .rhyme = -1, .same_as = -1 };
	x->text = arena_copy(&p->arena, buf_str(&shown), shown.len);
	int rc = x->text && !shown.failed ? 0 : -1;
	for (int i = a; i < b && rc == 0; i++)
		rc = add_word(p, &t->items[i], &w[i], l->n_lines);
	l->n_lines++;
	buf_release(&shown);
	return rc;
}

/* Words and sounds of one drafted line, in as many lines as it takes. */
static int sing_draft(struct parse *p, const struct draft *d)
{
	struct tokens t = { 0 };
	struct sounded *w = NULL;
	unsigned char *after = NULL;
	int rc = tokens_read(d->text, p->lx, &p->arena, &t);
	if (rc < 0 || t.n == 0)
		goto out;
	w = malloc((size_t)t.n * sizeof *w);
	after = calloc((size_t)t.n, 1);
	rc = w && after ? 0 : -1;
	for (int i = 0; i < t.n && rc == 0; i++)
		rc = sound_token(p, &t, i, &w[i]);
	for (int i = 0; i + 1 < t.n && rc == 0; i++)
		if (!strcmp(t.items[i].lower, "the") && starts_with_vowel(&w[i + 1]))
			strcpy(w[i].syllables[0].phonemes, "ði");
	if (rc == 0)
		rc = break_line(p, &t, w, after);
	for (int a = 0, i = 0; i < t.n && rc == 0; i++) {
		if (after[i]) {
			rc = add_line(p, d, &t, w, a, i + 1);
			a = i + 1;
		}
	}
out:
	free(after);
	free(w);
	free(t.items);
	return rc;
}

/* Each section's run of lines. */
static void count_lines(struct lyrics *l)
{
	int line = 0;
	for (int s = 0; s < l->n_sections; s++) {
		l->sections[s].first_line = line;
		while (line < l->n_lines && l->lines[line].section == s)
			line++;
		l->sections[s].n_lines = line - l->sections[s].first_line;
	}
}

/* ---- the whole ---- */

static int build(struct parse *p, const char *plain)
{
	struct events ev;
	int rc = events_read(plain, p->lx, &p->arena, &ev);
	for (int i = 0; i < ev.n; i++)
		p->l.tagged |= ev.items[i].type == EVENT_TAG;
	if (rc == 0)
		rc = p->l.tagged ? plan_tagged(p, &ev) : plan_untagged(p, &ev);
	for (int i = 0; i < p->n_drafts && rc == 0; i++)
		rc = sing_draft(p, &p->drafts[i]);
	if (rc == 0) {
		count_lines(&p->l);
		if (p->l.n_sections)
			relate_kinds(&p->l, p->untagged);
		rc = relate_all(&p->l, &p->arena, ev.title);
	}
	free(ev.items);
	return rc;
}

static int nothing_to_sing(const char *plain, const struct lyrics *l, struct madrigal_error *err)
{
	if (l->n_sections)
		return err_set(err, MADRIGAL_ELYRICS, "the lyrics have only section tags and nothing to sing; add words, or ask for an instrumental");
	if (plain[strspn(plain, " \n")])
		return err_set(err, MADRIGAL_ELYRICS, "the lyrics have no words that can be sung; add words, or ask for an instrumental");
	return err_set(err, MADRIGAL_ELYRICS, "the lyrics are empty; add words, or ask for an instrumental");
}

int lyrics_parse(const char *text, size_t len, struct lexicon *lx, int allow_empty, struct lyrics *ret, struct madrigal_error *err)
{
	struct parse p = { .lx = lx };
	struct buf plain = buf_init(1u << 17);
	int rc = text_plain(text, len, &plain, err);
	if (rc == 0 && build(&p, buf_str(&plain)) < 0)
		rc = err_nomem(err);
	if (rc == 0 && p.l.n_words == 0 && !allow_empty)
		rc = nothing_to_sing(buf_str(&plain), &p.l, err);
	struct arena *keep = NULL;
	if (rc == 0) {
		keep = malloc(sizeof *keep);
		if (!keep)
			rc = err_nomem(err);
	}
	buf_release(&plain);
	free(p.drafts);
	free(p.untagged);
	if (!keep) {
		lyrics_release(&p.l);
		arena_release(&p.arena);
		return rc;
	}
	*keep = p.arena;
	p.l.arena = keep;
	*ret = p.l;
	return 0;
}

void lyrics_release(struct lyrics *l)
{
	free(l->sections);
	free(l->lines);
	free(l->words);
	free(l->syllables);
	if (l->arena) {
		arena_release(l->arena);
		free(l->arena);
	}
	*l = (struct lyrics){ 0 };
}

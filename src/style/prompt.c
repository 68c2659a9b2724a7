/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a prompt from left to right. At each word: figures first ("92 bpm"), then the longest phrase that the lexicon or a style knows. Around
 * that, a little grammar: what a "no" or an "only" reaches, what is merely the song's subject ("about a girl"), what scales the next word. */
#include "style/prompt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "style/nearest.h"

#define BESIDE_GENRE 0.35f /* what the hints of moods and instruments weigh where a genre is named */
#define NEGATION_REACH 3 /* unknown words between "no" and what it denies */

/* ---- the styles' words ---- */

static int compare_words(const void *a, const void *b)
{
	const struct style_word *x = a, *y = b;
	int c = strcmp(x->text, y->text);
	if (c)
		return c;
	if (x->style != y->style)
		return x->style - y->style;
	return x->part != y->part ? x->part - y->part : x->instrument - y->instrument;
}

static int add_word(struct vocabulary *v, const char *text, struct style_word at, struct madrigal_error *err)
{
	char phrase[PHRASE_MAX_BYTES];
	normalise_phrase(text, phrase);
	if (!phrase[0])
		return 0; /* too long to be said in a prompt */
	at.text = strdup(phrase);
	if (!at.text)
		return err_nomem(err);
	v->words[v->n_words++] = at;
	return 0;
}

static int add_names(struct vocabulary *v, int index, struct madrigal_error *err)
{
	const struct style *s = v->styles->styles[index];
	struct style_word at = {.style = index, .part = -1, .instrument = -1, .own = 1};
	int rc = add_word(v, s->name, at, err);
	if (rc == 0)
		rc = add_word(v, s->title, at, err);
	at.own = 0;
	for (unsigned i = 0; rc == 0 && i < s->n_words; i++)
		rc = add_word(v, s->words[i], at, err);
	return rc;
}

static int add_instruments(struct vocabulary *v, int index, struct madrigal_error *err)
{
	const struct style *s = v->styles->styles[index];
	int rc = 0;
	for (unsigned p = 0; rc == 0 && p < s->n_parts; p++)
		for (unsigned i = 0; rc == 0 && i < s->parts[p].n_instruments; i++) {
			const struct style_instrument *in = &s->parts[p].instruments[i];
			const struct style_word at = {.style = index, .part = (int)p, .instrument = (int)i};
			rc = add_word(v, in->name, at, err);
			for (unsigned k = 0; rc == 0 && k < in->n_words; k++)
				rc = add_word(v, in->words[k], at, err);
		}
	return rc;
}

static size_t count_words(const struct style *s)
{
	size_t n = 2 + s->n_words;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned k = 0; k < s->parts[p].n_instruments; k++)
			n += 1 + s->parts[p].instruments[k].n_words;
	return n;
}

int vocabulary_init(struct vocabulary *v, const struct prompt_lexicon *lx, const struct style_set *styles, const int with_parts[2],
                    struct madrigal_error *err)
{
	size_t total = 1;
	for (int i = 0; i < styles->n; i++)
		total += count_words(styles->styles[i]);
	struct vocabulary made = {.lexicon = lx, .styles = styles, .words = calloc(total, sizeof *made.words)};
	if (!made.words)
		return err_nomem(err);
	int rc = 0;
	for (int i = 0; rc == 0 && i < styles->n; i++) {
		rc = add_names(&made, i, err);
		if (rc == 0 && (i == with_parts[0] || i == with_parts[1]))
			rc = add_instruments(&made, i, err);
	}
	if (rc < 0) {
		vocabulary_release(&made);
		return rc;
	}
	qsort(made.words, (size_t)made.n_words, sizeof *made.words, compare_words);
	*v = made;
	return 0;
}

void vocabulary_release(struct vocabulary *v)
{
	for (int i = 0; i < v->n_words; i++)
		free(v->words[i].text);
	free(v->words);
	memset(v, 0, sizeof *v);
}

const struct style_word *vocabulary_find(const struct vocabulary *v, const char *phrase, int *n)
{
	int low = 0, high = v->n_words;
	while (low < high) {
		int mid = (low + high) / 2;
		if (strcmp(v->words[mid].text, phrase) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	int end = low;
	while (end < v->n_words && !strcmp(v->words[end].text, phrase))
		end++;
	*n = end - low;
	return *n ? &v->words[low] : NULL;
}

/* ---- matching ---- */

struct match {
	char phrase[PHRASE_MAX_BYTES];
	int tokens;                     /* 0: nothing known starts here */
	const struct term *term;        /* may be NULL */
	const struct style_word *words; /* may be NULL */
	int n_words;
	int names_style, names_instrument;
};

struct reader {
	const struct vocabulary *v;
	const struct singer_set *singers;
	struct wishes *w;
	float *best;         /* scratch, for each style */
	float *hints;        /* the votes of moods and instruments */
	int n_full;          /* genres so far that are no mere forms, times or colours */
	const struct token *tokens;
	int n;
	int negation;        /* unknown words that a "no" still reaches over; 0: none */
	int denied;          /* the last match was denied: "or" carries on */
	int only;            /* an "only" waits for its instrument */
	int about;           /* what is said is the song's subject */
	int turned;          /* after a "with": genres only flavour */
	float scale;         /* for the next word */
	int last_instrument; /* the token after the last instrument's name, -1: none */
	int last_voice;      /* the token after the last word for the singing */
};

static int try_phrase(const struct reader *r, const char *phrase, struct match *m)
{
	m->term = prompt_lexicon_find(r->v->lexicon, phrase);
	m->words = vocabulary_find(r->v, phrase, &m->n_words);
	if (!m->term && !m->words)
		return 0;
	m->names_style = m->names_instrument = 0;
	for (int i = 0; i < m->n_words; i++) {
		m->names_style |= m->words[i].part < 0;
		m->names_instrument |= m->words[i].part >= 0;
	}
	m->names_instrument |= m->term && m->term->kind == TERM_INSTRUMENT;
	snprintf(m->phrase, sizeof m->phrase, "%s", phrase);
	return 1;
}

/* The phrase of len tokens at i, with or without a plural's ending, if it is known. */
static int match_of(const struct reader *r, int i, int len, struct match *m)
{
	for (int strip = 0; strip <= 2; strip++) {
		char phrase[PHRASE_MAX_BYTES];
		if (join_tokens(r->tokens + i, len, strip, phrase) && try_phrase(r, phrase, m)) {
			m->tokens = len;
			return 1;
		}
	}
	return 0;
}

static int names_genre(const struct match *m)
{
	return m->names_style || (m->term && m->term->kind == TERM_GENRE);
}

/* The longest phrase at token i. A comma or a full stop ends a phrase. "80s synth pop" is 80s and synth pop, though "80s synth" is known too. */
static struct match match_at(const struct reader *r, int i)
{
	struct match m = {.tokens = 0}, shorter, next;
	int longest = 1;
	while (longest < PHRASE_MAX_TOKENS && i + longest < r->n && r->tokens[i + longest].gap < GAP_COMMA)
		longest++;
	for (int len = i < r->n ? longest : 0; len > 0 && !m.tokens; len--)
		if (match_of(r, i, len, &m) && len > 1 && len < longest && names_genre(&m) && match_of(r, i + len - 1, 2, &next) && names_genre(&next) &&
		    match_of(r, i, len - 1, &shorter) && names_genre(&shorter))
			m = shorter;
	return m;
}

static int is_control(const struct match *m, enum term_does action)
{
	return m->term && m->term->kind == TERM_CONTROL && m->term->action == action;
}

/* Something that a "no" can do without. */
static int is_thing(const struct match *m)
{
	if (m->term && (m->term->kind == TERM_MOOD || m->term->kind == TERM_TEMPO))
		return 0;
	return m->names_instrument || m->names_style || is_control(m, DOES_VOICE) || is_control(m, DOES_INSTRUMENTAL) ||
	       is_control(m, DOES_MAYBE_INSTRUMENTAL) || (m->term && (m->term->kind == TERM_GENRE || m->term->kind == TERM_SINGER));
}

/* "no heavy drums": whether the adjective at hand, which ends before token i, goes with a thing that follows at once. */
static int leads_to_thing(const struct reader *r, int i)
{
	for (int k = 0; k < 3 && i < r->n && r->tokens[i].gap < GAP_COMMA; k++) {
		struct match m = match_at(r, i);
		if (!m.tokens || is_thing(&m))
			return m.tokens > 0;
		if (m.term->kind == TERM_CONTROL && m.term->action != DOES_SCALE)
			return 0;
		i += m.tokens;
	}
	return 0;
}

/* ---- taking ---- */

/* A genre speaks for its relatives too; a mood or an instrument only hints at the styles where it is at home. */
static void vote(struct reader *r, const char *word, float weight, int relatives)
{
	int n = r->v->styles->n;
	memset(r->best, 0, (size_t)n * sizeof *r->best);
	genre_weigh(r->v, word, 1, relatives, r->best);
	for (int i = 0; i < n; i++)
		(relatives ? r->w->votes : r->hints)[i] += weight * r->best[i];
}

/* Whether a genre only flavours what comes next or went before: "folk punk", "rock guitars", "jazz-infused", "with a touch of jazz", "jazzy". */
static int is_colour(const struct reader *r, const struct match *m, int next)
{
	if ((m->term && m->term->action == DOES_TINGE) || r->turned || r->scale < 1)
		return 1;
	if (next >= r->n || r->tokens[next].gap > GAP_HYPHEN)
		return 0;
	struct match after = match_at(r, next);
	if (is_control(&after, DOES_TINGE) || after.names_instrument)
		return 1;
	return (after.names_style && !after.term) || (after.term && after.term->kind == TERM_GENRE && after.term->weight >= 1);
}

static int is_soft(const struct genre_said *g)
{
	return g->term && g->term->weight < 1;
}

static void take_genre(struct reader *r, const struct match *m, int next, int negated)
{
	struct wishes *w = r->w;
	if (m->term && m->term->kind != TERM_GENRE) { /* "slow" may be a style's word, but it names no genre */
		vote(r, m->phrase, negated ? -0.3f : 0.3f, 0);
		return;
	}
	if (w->n_genres == PROMPT_MAX_GENRES)
		return;
	struct genre_said *g = &w->genres[w->n_genres++];
	memcpy(g->phrase, m->phrase, sizeof m->phrase);
	g->term = m->term;
	g->colour = !negated && is_colour(r, m, next);
	/* The first genre that is named counts most, and a longer name more than a shorter. */
	g->weight = negated ? -1.5f : powf(0.85f, (float)r->n_full) * (1 + 0.05f * (float)(m->tokens - 1)) * (m->term ? m->term->weight : 1);
	w->n_wanted += !negated;
	r->n_full += !negated && !is_soft(g);
}

/* The genres' votes, once all are known: where nothing else is named, a mere colour is the genre itself; where something is, a form or a time
 * says less. */
static void count_genres(struct reader *r)
{
	struct wishes *w = r->w;
	int all_colour = 1;
	for (int i = 0; i < w->n_genres; i++)
		all_colour &= w->genres[i].weight < 0 || w->genres[i].colour || is_soft(&w->genres[i]);
	for (int i = 0; i < w->n_genres; i++) {
		struct genre_said *g = &w->genres[i];
		if (g->colour && all_colour) {
			g->colour = 0;
			all_colour = 0; /* the others stay colours of the first */
		}
		vote(r, g->phrase, g->weight * (g->colour ? 0.25f : is_soft(g) && !all_colour ? 0.5f : 1), 1);
	}
	for (int i = 0; i < r->v->styles->n; i++)
		w->votes[i] += (r->n_full ? BESIDE_GENRE : 1) * r->hints[i];
}

static void vote_like(struct reader *r, const struct term *t, float weight)
{
	for (unsigned i = 0; t && i < t->n_like; i++, weight *= 0.8f)
		vote(r, t->like[i], weight, 0);
}

static void take_mood(struct reader *r, const struct match *m, float by)
{
	struct wishes *w = r->w;
	const struct term *t = m->term;
	w->energy += by * t->energy;
	w->valence += by * t->valence;
	if (t->kind == TERM_MOOD && by > 0)
		vote_like(r, t, 0.25f * by);
	if (t->swing > 0 && by > 0)
		w->swing = t->swing;
	if (by > 0 && t->kind == TERM_MOOD && w->n_moods < PROMPT_MAX_MOODS && (t->energy != 0 || t->valence != 0)) {
		for (int i = 0; i < w->n_moods; i++)
			if (!strcmp(w->moods[i], m->phrase))
				return;
		memcpy(w->moods[w->n_moods++], m->phrase, sizeof m->phrase);
	}
}

/* tempo 0.001 stands for "the usual": said, but moving nothing. */
static void take_tempo(struct reader *r, const struct term *t, float by)
{
	struct wishes *w = r->w;
	if (t->bpm_low && by > 0) {
		w->bpm_low = t->bpm_low;
		w->bpm_high = t->bpm_high;
	} else if (t->tempo != 0 && (t->kind == TERM_TEMPO || !w->has_tempo)) {
		w->tempo = by * t->tempo;
		w->has_tempo = t->kind == TERM_TEMPO ? 1 : w->has_tempo;
	}
}

static void take_tones(struct reader *r, const struct term *t, float weight)
{
	struct wishes *w = r->w;
	for (unsigned i = 0; i < t->n_tones && w->n_tones < PROMPT_MAX_TONES; i++) {
		w->tones[w->n_tones].tone = t->tones[i];
		w->tones[w->n_tones++].weight = weight;
	}
}

/* Whether a word for the singing stands near: within four words after token i in the same clause, or just before token start. */
static int near_voice(const struct reader *r, int start, int i)
{
	if (r->last_voice >= 0 && start - r->last_voice <= 2)
		return 1;
	for (int k = 0; k < 5 && i < r->n && (r->tokens[i].gap < GAP_COMMA || (k < 3 && r->tokens[i].gap == GAP_COMMA)); k++) {
		struct match m = match_at(r, i);
		if (is_control(&m, DOES_VOICE) || (m.term && m.term->kind == TERM_SINGER))
			return 1;
		if (m.names_instrument || m.names_style)
			return 0;
		i += m.tokens ? m.tokens : 1;
	}
	return 0;
}

static void take_singer(struct reader *r, const struct term *t, int negated)
{
	struct wishes *w = r->w;
	if (negated) {
		if (t->gender && !w->gender)
			w->gender = t->gender[0] == 'f' ? 'm' : 'f';
		return;
	}
	if (t->gender && !w->gender) /* of a duet, the first */
		w->gender = t->gender[0];
	if (t->age && !w->age)
		w->age = t->age;
	take_tones(r, t, 1);
}

static void take_instrument(struct reader *r, const struct match *m, int negated)
{
	struct wishes *w = r->w;
	int hint = m->term && m->term->kind != TERM_INSTRUMENT;
	if (!negated && !hint && r->only)
		w->only = 1;
	for (int i = 0; i < w->n_mentions; i++)
		if (!strcmp(w->mentions[i].phrase, m->phrase)) {
			w->mentions[i].negated = negated;
			return;
		}
	if (w->n_mentions == PROMPT_MAX_MENTIONS)
		return;
	struct mention *one = &w->mentions[w->n_mentions++];
	memcpy(one->phrase, m->phrase, sizeof m->phrase);
	one->term = m->term && m->term->kind == TERM_INSTRUMENT ? m->term : NULL;
	one->negated = negated;
	one->hint = hint;
	if (!negated)
		vote_like(r, one->term, 0.22f); /* a banjo sounds of folk */
}

static void end_negation(struct reader *r)
{
	r->negation = r->denied = 0;
}

/* Controls; returns 1 if the negation in force goes on. */
static int take_control(struct reader *r, const struct match *m, int i)
{
	struct wishes *w = r->w;
	int next = i + m->tokens, negated = r->negation > 0;
	switch (m->term->action) {
	case DOES_NEGATE:
		/* "no, ..." denies nothing; "not" within a denial is still one. */
		r->negation = next < r->n && r->tokens[next].gap < GAP_COMMA ? NEGATION_REACH : 0;
		r->denied = r->only = 0;
		return 1;
	case DOES_ONLY:
		if (r->last_instrument == i && i > 0 && strcmp(m->phrase, "solo"))
			w->only = 1; /* "piano only" */
		else
			r->only = r->last_instrument != i; /* but a "guitar solo" leaves the others be */
		return 0;
	case DOES_ABOUT:
		r->about = 1;
		return 0;
	case DOES_SCALE:
		r->scale *= m->term->factor;
		r->only &= m->term->factor >= 1; /* "just a hint of cello" */
		return 1;
	case DOES_JOIN:
		/* "no drums or bass", "no drums and bass"; but not "no drums and a soft piano" */
		if (r->denied) {
			struct match after = match_at(r, next);
			r->negation = next < r->n && r->tokens[next].gap < GAP_COMMA && (strcmp(m->phrase, "and") || is_thing(&after));
			r->negation *= NEGATION_REACH;
		}
		return 1;
	case DOES_TURN:
		r->about = r->only = 0;
		r->turned = r->w->n_wanted > 0;
		return 0;
	case DOES_VOICE:
		if (negated)
			w->instrumental = 2;
		r->denied = negated;
		r->only = 0;
		r->last_voice = next;
		return 1;
	case DOES_INSTRUMENTAL:
	case DOES_MAYBE_INSTRUMENTAL:
		/* As an item of its own ("calm, instrumental, 92 bpm") it is an order; in "instrumental music" it may be a manner of speaking. */
		if (!negated && !r->about && w->instrumental < 2) {
			int alone = r->tokens[i].gap >= GAP_COMMA && (next >= r->n || r->tokens[next].gap >= GAP_COMMA);
			w->instrumental = m->term->action == DOES_INSTRUMENTAL || alone ? 2 : 1;
		}
		r->denied = negated;
		return 1;
	case DOES_SPARSE:
		w->sparse |= !negated;
		take_mood(r, m, negated ? 0.0f : 1.0f);
		return 0;
	case DOES_TINGE: /* "jazz influences": is_colour() has seen it */
	case DOES_FILLER:
	case DOES_NOTHING:
	case DOES_KINDS:
		break;
	}
	return 1;
}

static void take_voice_and_key(struct reader *r, const struct term *t, int negated, int start, int next)
{
	struct wishes *w = r->w;
	if (t->meter && !negated) {
		w->num = t->meter[0] - '0';
		w->den = t->meter[2] - '0';
		w->odd_meter[0] = 0;
	}
	if (t->mode && !negated && w->minor < 0)
		w->minor = !strcmp(t->mode, "minor");
	if (t->kind == TERM_SINGER) {
		take_singer(r, t, negated);
		r->only = 0;
		r->last_voice = next;
	} else if (!negated) {
		take_tones(r, t, near_voice(r, start, next) ? 1.0f : 0.25f);
	}
}

/* What a match means, controls aside. */
static void take_match(struct reader *r, const struct match *m, int i)
{
	const struct term *t = m->term;
	int next = i + m->tokens;
	/* "drum-free" */
	int suffix = next < r->n && r->tokens[next].gap == GAP_HYPHEN && (!strcmp(r->tokens[next].text, "free") || !strcmp(r->tokens[next].text, "less"));
	int negated = r->negation > 0 || suffix;
	if (negated && !is_thing(m) && leads_to_thing(r, next)) {
		r->scale = 1;
		return;
	}
	float by = r->scale * (negated ? -0.5f : 1.0f) * (r->about ? 0.5f : 1.0f);
	if (t && t->kind != TERM_CONTROL && t->kind != TERM_INSTRUMENT && !(negated && t->kind == TERM_GENRE))
		take_mood(r, m, by);
	r->denied = negated;
	r->negation = 0;
	if (r->about) {
		r->scale = 1;
		return;
	}
	if (names_genre(m))
		take_genre(r, m, next, negated);
	if (t && t->kind != TERM_CONTROL) {
		take_tempo(r, t, by);
		take_voice_and_key(r, t, negated, i, next);
	}
	if (m->names_instrument) {
		take_instrument(r, m, negated);
		r->last_instrument = t && t->kind != TERM_INSTRUMENT ? -1 : next;
	}
	r->scale = 1;
}

/* "af_heart", or a title after "singer", "voice named". */
static int read_singer(struct reader *r, int i)
{
	const struct token *t = &r->tokens[i], *before = i ? &r->tokens[i - 1] : NULL;
	int named = before && t->gap == GAP_SPACE && t->first >= 'A' && t->first <= 'Z' &&
	            (!strcmp(before->text, "singer") || !strcmp(before->text, "vocalist") || !strcmp(before->text, "named") || !strcmp(before->text, "called"));
	for (unsigned k = 0; k < r->singers->n; k++) {
		const struct singer *s = &r->singers->singers[k];
		if ((strchr(t->text, '_') && same_name(t->text, s->name)) || (named && same_name(t->text, s->title))) {
			memcpy(r->w->singer, t->text, sizeof t->text);
			return 1;
		}
	}
	return 0;
}

static int read_figures(struct reader *r, int i)
{
	int used = read_tempo(r->tokens, r->n, i, r->w);
	if (!used)
		used = read_meter(r->tokens, r->n, i, r->w);
	if (!used)
		used = read_key(r->tokens, r->n, i, r->w);
	return used ? used : read_singer(r, i);
}

/* Reads what starts at token i; returns the tokens taken. */
static int read_at(struct reader *r, int i)
{
	enum gap gap = r->tokens[i].gap;
	if (gap >= GAP_COMMA) {
		end_negation(r);
		r->about = r->only = r->turned = 0;
		r->scale = 1;
	}
	int used = read_figures(r, i);
	if (used) {
		end_negation(r);
		return used;
	}
	struct match m = match_at(r, i);
	if (!m.tokens) {
		r->scale = 1;
		r->only = r->denied = 0;
		r->negation -= r->negation > 0;
		return 1;
	}
	if (m.term && m.term->kind == TERM_CONTROL && !m.names_style) {
		if (!take_control(r, &m, i))
			end_negation(r);
	} else {
		take_match(r, &m, i);
	}
	return m.tokens;
}

int prompt_read(const char *prompt, const struct vocabulary *v, const struct singer_set *singers, struct wishes *ret, struct madrigal_error *err)
{
	struct wishes w = {.tonic_pc = -1, .minor = -1};
	struct token *tokens = calloc(PROMPT_MAX_TOKENS, sizeof *tokens);
	w.votes = calloc((size_t)v->styles->n + 1, sizeof *w.votes);
	float *best = calloc(2 * (size_t)v->styles->n + 1, sizeof *best);
	if (!tokens || !w.votes || !best) {
		free(tokens);
		free(best);
		free(w.votes);
		return err_nomem(err);
	}
	struct reader r = {.v = v, .singers = singers, .w = &w, .best = best, .hints = best + v->styles->n, .tokens = tokens, .scale = 1, .last_instrument = -1, .last_voice = -1};
	r.n = prompt_tokenise(prompt ? prompt : "", tokens, PROMPT_MAX_TOKENS);
	for (int i = 0; i < r.n;)
		i += read_at(&r, i);
	count_genres(&r);
	free(tokens);
	free(best);
	*ret = w;
	return 0;
}

void wishes_release(struct wishes *w)
{
	free(w->votes);
	memset(w, 0, sizeof *w);
}

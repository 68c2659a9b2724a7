/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who plays: the style's parts, with the instruments that the prompt names or rules out, and what joins them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "style/resolve.h"

#define OPTIONAL_CHANCE 0.35f /* that an optional part which nobody asked for plays */
#define MAX_WORDS 33          /* an instrument's name and the words that the schema allows it */
#define MAX_BROUGHT 2         /* instruments that a second genre or a decade brings */

/* ---- who is called what ---- */

enum called { CALLED_NOT, CALLED_LIKE, CALLED_ALSO, CALLED_SO };

/* How an instrument of these names (normalised, its own first) answers to a phrase: exactly so, by another of the words that term has for the
 * same thing, or by a part of its name ("guitar" for "Nylon guitar"). */
static enum called answers(char (*names)[PHRASE_MAX_BYTES], int n, const char *phrase, const struct term *term)
{
	enum called best = CALLED_NOT;
	int one_thing = term && (!term->n_roles || term->program >= 0);
	for (int i = 0; i < n; i++) {
		if (!strcmp(names[i], phrase))
			return CALLED_SO;
		for (unsigned k = 0; i > 0 && one_thing && k < term->n_words; k++)
			if (!strcmp(term->words[k], names[i]))
				best = CALLED_ALSO;
	}
	const char *family = term && term->generic ? term->words[0] : phrase, *at = strstr(names[0], family);
	size_t len = strlen(family);
	if (best == CALLED_NOT && at && (at == names[0] || at[-1] == ' ') && (!at[len] || at[len] == ' '))
		best = CALLED_LIKE;
	return best;
}

static int normalise_names(const struct style_instrument *in, char (*names)[PHRASE_MAX_BYTES])
{
	int n = 0;
	normalise_phrase(in->name, names[n++]);
	for (unsigned i = 0; i < in->n_words && n < MAX_WORDS; i++)
		normalise_phrase(in->words[i], names[n++]);
	return n;
}

static enum called is_called(const struct style_instrument *in, const char *phrase, const struct term *term)
{
	char names[MAX_WORDS][PHRASE_MAX_BYTES];
	int n = normalise_names(in, names);
	return answers(names, n, phrase, term);
}

/* The same for one of the chosen style's, whose names are kept. */
static enum called own_is_called(const struct resolver *r, unsigned part, unsigned i, const struct mention *m)
{
	int from = r->first[part][i];
	return answers(r->spoken + from, r->first[part][i + 1] - from, m->phrase, m->term);
}

static enum called now_is_called(const struct resolver *r, unsigned part, const struct mention *m)
{
	int now = r->b->instrument[part];
	if (now >= BRIEF_SWAP)
		return is_called(&r->b->swap[now - BRIEF_SWAP], m->phrase, m->term);
	return now >= 0 ? own_is_called(r, part, (unsigned)now, m) : CALLED_NOT;
}

static int keep_names(struct resolver *r, struct madrigal_error *err)
{
	const struct style *s = r->b->style;
	size_t total = 1;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 0; i < s->parts[p].n_instruments; i++)
			total += 1 + s->parts[p].instruments[i].n_words;
	r->spoken = malloc(total * sizeof *r->spoken);
	if (!r->spoken)
		return err_nomem(err);
	int n = 0;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 0; i < s->parts[p].n_instruments; i++) {
			r->first[p][i] = n;
			n += normalise_names(&s->parts[p].instruments[i], r->spoken + n);
			r->first[p][i + 1] = n;
		}
	return 0;
}

static int has_role(const struct term *t, const char *role)
{
	for (unsigned i = 0; t && i < t->n_roles; i++)
		if (!strcmp(t->roles[i], role))
			return 1;
	return 0;
}

/* Whether a mention stands for a whole part ("no drums"). */
static int stands_for(const struct mention *m, const struct style_part *p)
{
	return has_role(m->term, p->role);
}

/* ---- the style's own parts ---- */

/* All free parts whose usual instrument is called so, at least in this sense. */
static int give_usual(struct resolver *r, const struct mention *m, enum called sense)
{
	const struct style *s = r->b->style;
	int taken = 0;
	for (unsigned p = 0; p < s->n_parts; p++)
		if (!r->named[p] && own_is_called(r, p, 0, m) >= sense)
			taken += r->named[p] = 1;
	return taken;
}

/* The first free part that has it as a further choice. */
static int give_choice(struct resolver *r, const struct mention *m, enum called sense)
{
	const struct style *s = r->b->style;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 1; i < s->parts[p].n_instruments && !r->named[p]; i++)
			if (own_is_called(r, p, i, m) >= sense) {
				r->b->instrument[p] = (int)i;
				return r->named[p] = 1;
			}
	return 0;
}

/* Whether an earlier mention has already brought what this one names. */
static int is_there(const struct resolver *r, const struct mention *m)
{
	const struct style *s = r->b->style;
	enum called sense = m->term && m->term->generic ? CALLED_LIKE : CALLED_ALSO;
	for (unsigned p = 0; p < s->n_parts; p++)
		if (r->named[p] && now_is_called(r, p, m) >= sense)
			return 1;
	for (int i = 0; i < r->b->n_extra; i++)
		if (is_called(&r->b->extra[i].instrument, m->phrase, m->term) >= sense)
			return 1;
	return 0;
}

static struct style_instrument of_term(const struct term *t)
{
	static char general[] = "general";
	return (struct style_instrument){.name = t->name, .words = t->words, .n_words = t->n_words, .soundfont = general, .bank = t->bank,
	                                 .program = t->program, .low = t->low, .high = t->high, .level_db = t->level_db};
}

/* "Brushed drums", "upright bass": the style's drummer or bass player takes another instrument. */
static int swap_in(struct resolver *r, const struct mention *m)
{
	struct brief *b = r->b;
	if (!m->term || !m->term->n_roles || m->term->program < 0 || b->n_swaps == BRIEF_MAX_SWAPS)
		return 0;
	for (unsigned p = 0; p < b->style->n_parts; p++)
		if (!r->named[p] && stands_for(m, &b->style->parts[p])) {
			b->swap[b->n_swaps] = of_term(m->term);
			b->instrument[p] = BRIEF_SWAP + b->n_swaps++;
			return r->named[p] = 1;
		}
	return 0;
}

/* Gives a named instrument to the parts that have it; 0 if none has. */
static int give_to_parts(struct resolver *r, const struct mention *m)
{
	const struct style *s = r->b->style;
	if (give_usual(r, m, CALLED_SO) || give_choice(r, m, CALLED_SO) || is_there(r, m))
		return 1;
	if (m->term && m->term->n_roles && m->term->program >= 0 && (give_usual(r, m, CALLED_ALSO) || give_choice(r, m, CALLED_ALSO) || swap_in(r, m)))
		return 1;
	int whole = 0; /* "drums" are there already, whatever they are */
	for (unsigned p = 0; p < s->n_parts; p++)
		if (stands_for(m, &s->parts[p]))
			whole = r->named[p] = 1;
	return whole || give_usual(r, m, CALLED_ALSO) || give_choice(r, m, CALLED_ALSO) || give_usual(r, m, CALLED_LIKE) ||
	       give_choice(r, m, CALLED_LIKE);
}

/* ---- what joins ---- */

static enum part_role role_called(const char *id)
{
	int role = 0;
	while (role < PART_ROLES - 1 && strcmp(part_role_ids[role], id))
		role++;
	return (enum part_role)role;
}

/* A part of another style, with its grooves: the first that plays what is named, else for a whole ("drums") the first in that role. */
static int lend(struct resolver *r, const struct style *lender, const struct mention *m, int named)
{
	struct brief *b = r->b;
	for (int by_role = 0; by_role <= 1; by_role++)
		for (unsigned p = 0; p < lender->n_parts; p++) {
			const struct style_part *part = &lender->parts[p];
			for (unsigned i = 0; i < part->n_instruments; i++) {
				if (by_role ? !stands_for(m, part) : is_called(&part->instruments[i], m->phrase, m->term) < CALLED_ALSO)
					continue;
				struct brief_extra *x = &b->extra[b->n_extra++];
				*x = (struct brief_extra){.role = role_called(part->role), .part = part, .named = named};
				x->instrument = by_role && m->term->program >= 0 ? of_term(m->term) : part->instruments[i];
				return 1;
			}
		}
	return 0;
}

/* Named drums and percussion that the style lacks come from the styles where they are at home. */
static int lend_rhythm(struct resolver *r, const struct mention *m, struct madrigal_error *err)
{
	for (unsigned k = 0; k < m->term->n_like && r->b->n_extra < BRIEF_MAX_EXTRA; k++) {
		const struct style *s;
		struct madrigal_error none;
		int at = 0;
		if (style_find(r->set, m->term->like[k], &s, &none) < 0)
			continue;
		while (r->set->styles[at] != s)
			at++;
		int rc = style_set_complete(r->set, at, err);
		if (rc < 0)
			return rc;
		if (r->set->styles[at] != r->b->style && lend(r, r->set->styles[at], m, 1))
			return 0;
	}
	return 0;
}

static void add_extra(struct resolver *r, const struct mention *m)
{
	struct brief *b = r->b;
	if (b->n_extra == BRIEF_MAX_EXTRA)
		return;
	if (b->influence && lend(r, b->influence, m, 1))
		return;
	if (m->term && !m->term->n_roles)
		b->extra[b->n_extra++] = (struct brief_extra){.role = m->term->role_id, .instrument = of_term(m->term), .named = 1};
}

static int is_denied(const struct resolver *r, const struct style_instrument *in, const char *role)
{
	for (int i = 0; i < r->w->n_mentions; i++) {
		const struct mention *m = &r->w->mentions[i];
		if (m->negated && !m->hint && (has_role(m->term, role) || is_called(in, m->phrase, m->term)))
			return 1;
	}
	return 0;
}

/* What a second genre or a decade brings: an optional part comes in, a part takes another of its instruments, or the other style lends one, or
 * one joins. 1 if the song has changed by it. */
static int bring(struct resolver *r, const char *word, const struct style *lender)
{
	struct brief *b = r->b;
	const struct style *s = b->style;
	struct mention m = {.term = NULL};
	normalise_phrase(word, m.phrase);
	m.term = prompt_lexicon_find(r->v->lexicon, m.phrase);
	m.term = m.term && m.term->kind == TERM_INSTRUMENT ? m.term : NULL;
	for (unsigned p = 0; p < s->n_parts; p++)
		if (b->instrument[p] >= 0 && now_is_called(r, p, &m) >= CALLED_ALSO)
			return 0;
	for (int i = 0; i < b->n_extra; i++)
		if (is_called(&b->extra[i].instrument, m.phrase, m.term) >= CALLED_ALSO)
			return 0;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 0; i < s->parts[p].n_instruments && !r->named[p]; i++)
			if (own_is_called(r, p, i, &m) >= CALLED_ALSO && !is_denied(r, &s->parts[p].instruments[i], s->parts[p].role)) {
				b->instrument[p] = (int)i;
				return r->named[p] = 1;
			}
	int before = b->n_extra;
	if (lender && before < BRIEF_MAX_EXTRA)
		lend(r, lender, &m, 0);
	if (b->n_extra == before && m.term && m.term->n_roles)
		return swap_in(r, &m);
	if (b->n_extra == before)
		add_extra(r, &m);
	if (b->n_extra > before) {
		struct brief_extra *x = &b->extra[before];
		x->named = 0;
		/* Two kits, or two basses, are one too many. */
		if (x->role == ROLE_DRUMS || x->role == ROLE_BASS || is_denied(r, &x->instrument, part_role_ids[x->role]))
			b->n_extra--;
	}
	return b->n_extra > before;
}

static void bring_some(struct resolver *r, const struct term *t, const struct style *lender, int say)
{
	int n = 0;
	for (unsigned i = 0; t && i < t->n_brings && n < MAX_BROUGHT; i++) {
		if (!bring(r, t->brings[i], lender))
			continue;
		size_t len = strlen(r->brought);
		if (say)
			snprintf(r->brought + len, sizeof r->brought - len, "%s%s", len ? ", " : "", t->brings[i]);
		n++;
	}
}

/* The second genre's and the decades' instruments. */
static void flavour(struct resolver *r)
{
	const struct wishes *w = r->w;
	if (w->only || w->sparse)
		return;
	if (r->b->influence) {
		char name[PHRASE_MAX_BYTES];
		normalise_phrase(r->b->influence->name, name);
		const struct term *t = prompt_lexicon_find(r->v->lexicon, r->second_word);
		if (!t || !t->n_brings)
			t = prompt_lexicon_find(r->v->lexicon, name);
		bring_some(r, t, r->b->influence, 1);
	}
	for (int i = 0; i < w->n_genres; i++)
		if (w->genres[i].weight > 0 && w->genres[i].term && w->genres[i].term->weight < 1 && w->genres[i].term != (r->second ? r->second->term : NULL))
			bring_some(r, w->genres[i].term, NULL, 0);
}

/* ---- who is silent ---- */

static int is_harmonic(const struct style_part *p)
{
	return !strcmp(p->role, part_role_ids[ROLE_COMP]) || !strcmp(p->role, part_role_ids[ROLE_PAD]);
}

static void silence_unwanted(struct resolver *r)
{
	const struct style *s = r->b->style;
	const struct wishes *w = r->w;
	for (unsigned p = 0; p < s->n_parts; p++) {
		struct rng rng = rng_stream(r->req->seed, "style/optional", p);
		int drawn = rng_unit(&rng) < OPTIONAL_CHANCE;
		if (w->sparse || (w->only && !r->named[p]) || (s->parts[p].optional && !r->named[p] && !drawn))
			r->b->instrument[p] = -1;
		for (int i = 0; i < w->n_mentions; i++) {
			const struct mention *m = &w->mentions[i];
			if (m->negated && !m->hint && r->b->instrument[p] >= 0 && (stands_for(m, &s->parts[p]) || now_is_called(r, p, m)))
				r->b->instrument[p] = -1;
		}
	}
}

/* The voice needs chords under it: if no part is left that plays them, one comes back that the prompt didn't rule out, or a soft pad joins. */
static void keep_harmony(struct resolver *r)
{
	struct brief *b = r->b;
	const struct style *s = b->style;
	for (unsigned p = 0; p < s->n_parts; p++)
		if (b->instrument[p] >= 0 && is_harmonic(&s->parts[p]))
			return;
	for (int i = 0; i < b->n_extra; i++)
		if (b->extra[i].role == ROLE_PAD || b->extra[i].role == ROLE_COMP)
			return;
	for (unsigned p = 0; p < s->n_parts && !r->w->only && !r->w->sparse; p++)
		for (unsigned k = 0; k < s->parts[p].n_instruments && is_harmonic(&s->parts[p]); k++)
			if (!is_denied(r, &s->parts[p].instruments[k], "")) {
				b->instrument[p] = (int)k;
				return;
			}
	/* Under a lone instrument or a lone voice: a choir for the latter. */
	struct mention pad = {.term = prompt_lexicon_find(r->v->lexicon, r->w->sparse ? "choir" : "synth pad")};
	if (r->w->only && b->n_extra)
		return; /* a lone flute was asked for, and gets its wish */
	if (pad.term && pad.term->kind == TERM_INSTRUMENT) {
		if (b->n_extra == BRIEF_MAX_EXTRA)
			b->n_extra--;
		add_extra(r, &pad);
	}
}

/* ---- all ---- */

static int place(struct resolver *r, const struct mention *m, struct madrigal_error *err)
{
	if (give_to_parts(r, m) || r->w->sparse)
		return 0;
	if (m->term && m->term->n_roles)
		return lend_rhythm(r, m, err);
	add_extra(r, m);
	return 0;
}

int resolve_instruments(struct resolver *r, struct madrigal_error *err)
{
	const struct wishes *w = r->w;
	int rc = keep_names(r, err);
	/* "Electronic drums" choose among kits before plain "drums", and "nylon guitar" before "guitar", take whatever there is. */
	for (int whole = 0; whole <= 1; whole++)
		for (int i = 0; i < w->n_mentions && rc == 0; i++) {
			const struct mention *m = &w->mentions[i];
			int plain = (m->term && m->term->generic) || (m->term && m->term->n_roles && m->term->program < 0 && !strchr(m->phrase, ' '));
			if (!m->negated && !m->hint && plain == whole)
				rc = place(r, m, err);
		}
	for (int i = 0; i < w->n_mentions && rc == 0; i++)
		if (w->mentions[i].hint && !w->mentions[i].negated && !w->only)
			give_choice(r, &w->mentions[i], CALLED_SO);
	if (rc == 0) {
		silence_unwanted(r);
		flavour(r);
		keep_harmony(r);
	}
	free(r->spoken);
	r->spoken = NULL;
	return rc;
}

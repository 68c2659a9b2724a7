/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resolves what is asked for: options before the prompt, the prompt before the style, the style before the seed. */
#include "style/brief.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "style/prompt.h"

#define PROMPT_MAX_CODE_POINTS 2000
#define TEMPO_MIN 40
#define TEMPO_MAX 240
#define OPTIONAL_CHANCE 0.35f /* that an optional part which nobody asked for plays */

struct resolver {
	const struct madrigal_request *req;
	const struct vocabulary *v;
	const struct singer_set *singers;
	const struct wishes *w;
	struct brief *b;
	int named[BRIEF_MAX_PARTS];       /* the prompt names this part's instrument */
};

static float clamp(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/* ---- the request ---- */

/* Length in code points, or -1 if s is not UTF-8 (RFC 3629: shortest forms, no surrogates, up to 10FFFF). */
static int utf8_length(const char *s)
{
	int n = 0;
	for (const unsigned char *p = (const unsigned char *)s; *p; n++) {
		int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : -1;
		if (more < 0)
			return -1;
		if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
			return -1;
		for (p++; more > 0; more--, p++)
			if ((*p & 0xc0) != 0x80)
				return -1;
	}
	return n;
}

static int check_request(const struct madrigal_request *req, struct madrigal_error *err)
{
	int length = req->prompt ? utf8_length(req->prompt) : 0;
	if (length < 0)
		return err_set(err, MADRIGAL_EUSAGE, "the prompt is not valid UTF-8");
	if (length > PROMPT_MAX_CODE_POINTS)
		return err_set(err, MADRIGAL_EUSAGE, "the prompt has %d characters: at most %d are allowed", length, PROMPT_MAX_CODE_POINTS);
	if (req->tempo_bpm != 0 && !(req->tempo_bpm >= TEMPO_MIN && req->tempo_bpm <= TEMPO_MAX))
		return err_set(err, MADRIGAL_EUSAGE, "a tempo of %g bpm is out of range: %d to %d is allowed", req->tempo_bpm, TEMPO_MIN, TEMPO_MAX);
	return 0;
}

static int has_lyrics(const struct madrigal_request *req)
{
	return req->lyrics && req->lyrics[strspn(req->lyrics, " \t\r\n#")];
}

/* ---- style ---- */

enum called { CALLED_NOT, CALLED_LIKE, CALLED_ALSO, CALLED_SO };

/* How an instrument answers to a phrase: exactly so, by another of the words that term has for the same thing, or by a part of its name
 * ("guitar" for "Nylon guitar"). */
static enum called is_called(const struct style_instrument *in, const char *phrase, const struct term *term)
{
	char word[PHRASE_MAX_BYTES];
	enum called best = CALLED_NOT;
	for (unsigned i = 0; i < in->n_words; i++) {
		normalise_phrase(in->words[i], word);
		if (!strcmp(word, phrase))
			return CALLED_SO;
		for (unsigned k = 0; term && !term->n_roles && k < term->n_words; k++)
			if (!strcmp(term->words[k], word))
				best = CALLED_ALSO;
	}
	normalise_phrase(in->name, word);
	if (!strcmp(word, phrase))
		return CALLED_SO;
	const char *family = term && term->generic ? term->words[0] : phrase, *at = strstr(word, family);
	size_t len = strlen(family);
	if (best == CALLED_NOT && at && (at == word || at[-1] == ' ') && (!at[len] || at[len] == ' '))
		best = CALLED_LIKE;
	return best;
}

/* Whether a mention stands for a whole part ("no drums"). */
static int stands_for(const struct mention *m, const struct style_part *p)
{
	for (unsigned i = 0; m->term && i < m->term->n_roles; i++)
		if (!strcmp(m->term->roles[i], p->role))
			return 1;
	return 0;
}

static int style_has(const struct style *s, const struct mention *m)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 0; i < s->parts[p].n_instruments; i++)
			if (is_called(&s->parts[p].instruments[i], m->phrase, m->term))
				return 1;
	return 0;
}

/* How well a style suits the wishes: what genres it was called by, then its mood, instruments, tempo and meter. */
static float suits(const struct resolver *r, int index)
{
	const struct style *s = r->v->styles->styles[index];
	const struct wishes *w = r->w;
	float score = w->votes[index];
	if (w->energy != 0 || w->valence != 0) {
		/* Where no genre sets the scale, the mood alone says where the song sits. */
		float energy = clamp(1.4f * w->energy, -1, 1), valence = clamp(1.4f * w->valence, -1, 1);
		score -= 0.35f * hypotf(s->energy - energy, s->valence - valence);
	}
	int have = 0;
	for (int i = 0; i < w->n_mentions; i++)
		if (!w->mentions[i].negated && !w->mentions[i].hint && !(w->mentions[i].term && w->mentions[i].term->n_roles))
			have += style_has(s, &w->mentions[i]);
	score += 0.18f * (float)(have < 4 ? have : 4);
	double bpm = r->req->tempo_bpm != 0 ? r->req->tempo_bpm : w->bpm != 0 ? w->bpm : (w->bpm_low + w->bpm_high) / 2.0;
	float trust = 1;
	if (bpm == 0 && w->has_tempo) { /* "slow" and "fast" as most people mean them */
		bpm = 105 + 45 * (double)w->tempo;
		trust = 0.8f;
	}
	if (bpm > 0) {
		double outside = bpm < (double)s->tempo.min ? (double)s->tempo.min / bpm : bpm > (double)s->tempo.max ? bpm / (double)s->tempo.max : 1;
		score -= trust * (float)fmin(0.4, 1.2 * (outside - 1));
	}
	if (w->num) {
		char meter[16];
		snprintf(meter, sizeof meter, "%d/%d", w->num, w->den);
		for (unsigned i = 0; i < s->n_meters; i++)
			score += !strcmp(s->meters[i], meter) ? 0.2f : 0;
	}
	return score;
}

static int choose_style(struct resolver *r, struct madrigal_error *err)
{
	const struct style_set *set = r->v->styles;
	if (r->req->style)
		return style_find(set, r->req->style, &r->b->style, err);
	if (set->n == 0)
		return err_set(err, MADRIGAL_ESTYLE, "there are no styles");
	/* With a genre named the seed only breaks ties; with nothing to go by it decides. */
	const struct wishes *w = r->w;
	int hints = w->n_genres || w->energy != 0 || w->valence != 0 || w->n_mentions;
	float spread = w->n_genres ? 0.02f : hints ? 0.1f : 1.0f, best = 0;
	struct rng rng = rng_stream(r->req->seed, "style/choice", 0);
	for (int i = 0; i < set->n; i++) {
		float score = suits(r, i) + spread * rng_unit(&rng);
		if (i == 0 || score > best) {
			best = score;
			r->b->style = set->styles[i];
		}
	}
	return 0;
}

/* ---- mood, tempo, meter, key ---- */

static void resolve_mood(struct resolver *r)
{
	const struct style *s = r->b->style;
	r->b->energy = clamp(s->energy + 0.8f * tanhf(r->w->energy), -1, 1);
	r->b->valence = clamp(s->valence + 0.8f * tanhf(r->w->valence), -1, 1);
}

static void resolve_tempo(struct resolver *r)
{
	const struct wishes *w = r->w;
	const struct style_range *t = &r->b->style->tempo;
	struct rng rng = rng_stream(r->req->seed, "style/tempo", 0);
	double bpm;
	if (r->req->tempo_bpm != 0) {
		r->b->tempo_bpm = r->req->tempo_bpm;
		return;
	}
	if (w->bpm != 0) {
		r->b->tempo_bpm = fmin(fmax(w->bpm, TEMPO_MIN), TEMPO_MAX);
		return;
	}
	if (w->bpm_low) {
		bpm = w->bpm_low + (double)rng_unit(&rng) * (w->bpm_high - w->bpm_low);
	} else {
		/* -1..1 along the style's range, its usual tempo in the middle. */
		float at = w->has_tempo ? w->tempo + 0.12f * rng_gauss(&rng) : w->tempo + 0.5f * (r->b->energy - r->b->style->energy) + 0.25f * rng_gauss(&rng);
		at = clamp(at, -1, 1);
		bpm = (double)(at < 0 ? t->usual + at * (t->usual - t->min) : t->usual + at * (t->max - t->usual));
	}
	r->b->tempo_bpm = fmin(fmax(round(bpm), TEMPO_MIN), TEMPO_MAX);
}

static int parse_meter(const char *text, int *num, int *den)
{
	static const char *const known[] = {"4/4", "3/4", "6/8"};
	for (int i = 0; i < 3; i++)
		if (!strcmp(text, known[i])) {
			*num = known[i][0] - '0';
			*den = known[i][2] - '0';
			return 0;
		}
	return -1;
}

static int resolve_meter(struct resolver *r, struct madrigal_error *err)
{
	struct brief *b = r->b;
	if (r->req->time_signature) {
		if (parse_meter(r->req->time_signature, &b->meter_num, &b->meter_den) < 0)
			return err_set(err, MADRIGAL_EUSAGE, "the time signature \"%.20s\" is not one of 4/4, 3/4, 6/8", r->req->time_signature);
	} else if (r->w->num) {
		b->meter_num = r->w->num;
		b->meter_den = r->w->den;
	} else if (parse_meter(b->style->meters[0], &b->meter_num, &b->meter_den) < 0) {
		return err_set(err, MADRIGAL_EINTERNAL, "the style \"%s\" has an unchecked meter", b->style->name);
	}
	return 0;
}

static int resolve_key(struct resolver *r, struct madrigal_error *err)
{
	struct brief *b = r->b;
	b->tonic_pc = r->w->tonic_pc;
	int minor = r->w->minor;
	if (r->req->key) {
		struct madrigal_error why;
		int said;
		if (key_parse(r->req->key, &b->tonic_pc, &said, &why) < 0)
			return err_set(err, MADRIGAL_EUSAGE, "the key \"%.40s\" is not one like \"A minor\", \"F# major\" or \"Bb\"", r->req->key);
		minor = said >= 0 ? said : r->w->tonic_pc == b->tonic_pc ? r->w->minor : -1;
	}
	if (minor < 0 && b->tonic_pc >= 0)
		minor = 0; /* "in G" is G major */
	if (minor < 0) {
		struct rng rng = rng_stream(r->req->seed, "style/mode", 0);
		float chance = clamp(b->style->minor - (b->valence - b->style->valence), 0, 1);
		minor = rng_unit(&rng) < chance;
	}
	b->minor = minor;
	return 0;
}

/* ---- singer ---- */

static float singer_suits(const struct resolver *r, const struct singer *s)
{
	const struct wishes *w = r->w;
	const struct style_singer *by_style = &r->b->style->singer;
	float score = 0;
	char gender = w->gender ? w->gender : by_style->gender[0] == 'a' ? 0 : by_style->gender[0];
	if (gender && s->gender[0] != gender)
		score -= w->gender ? 100 : 10;
	if (w->age)
		score += !strcmp(s->age, w->age) ? 3.0f : strcmp(s->age, "adult") && strcmp(w->age, "adult") ? -1.0f : 0.0f;
	for (int i = 0; i < w->n_tones; i++)
		for (unsigned k = 0; k < s->n_tones; k++)
			if (!strcmp(w->tones[i].tone, s->tones[k]))
				score += (!strcmp(w->tones[i].tone, "british") || !strcmp(w->tones[i].tone, "american") ? 4.0f : 1.0f) * w->tones[i].weight;
	for (unsigned i = 0; i < by_style->n_voices; i++)
		if (!strcmp(by_style->voices[i], s->name))
			score += 0.8f - 0.4f * (float)i / (float)by_style->n_voices;
	return score;
}

static int choose_singer(struct resolver *r, struct madrigal_error *err)
{
	struct brief *b = r->b;
	if (r->req->voice)
		return singer_find(r->singers, r->req->voice, &b->singer, err);
	if (r->w->singer[0])
		return singer_find(r->singers, r->w->singer, &b->singer, err);
	if (r->singers->n == 0)
		return err_set(err, MADRIGAL_EMISSING, "there are no singers");
	struct rng rng = rng_stream(r->req->seed, "style/singer", 0);
	float best = 0;
	for (unsigned i = 0; i < r->singers->n; i++) {
		float score = singer_suits(r, &r->singers->singers[i]) + 0.5f * rng_unit(&rng);
		if (i == 0 || score > best) {
			best = score;
			b->singer = &r->singers->singers[i];
		}
	}
	return 0;
}

/* ---- instruments ---- */

/* All free parts whose usual instrument is called so, at least in this sense. */
static int give_usual(struct resolver *r, const struct mention *m, enum called sense)
{
	const struct style *s = r->b->style;
	int taken = 0;
	for (unsigned p = 0; p < s->n_parts; p++)
		if (!r->named[p] && is_called(&s->parts[p].instruments[0], m->phrase, m->term) >= sense)
			taken += r->named[p] = 1;
	return taken;
}

/* The first free part that has it as a further choice. */
static int give_choice(struct resolver *r, const struct mention *m, enum called sense)
{
	const struct style *s = r->b->style;
	for (unsigned p = 0; p < s->n_parts; p++)
		for (unsigned i = 1; i < s->parts[p].n_instruments && !r->named[p]; i++)
			if (is_called(&s->parts[p].instruments[i], m->phrase, m->term) >= sense) {
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
		if (r->named[p] && is_called(&s->parts[p].instruments[r->b->instrument[p]], m->phrase, m->term) >= sense)
			return 1;
	for (int i = 0; i < r->b->n_extra; i++)
		if (is_called(&r->b->extra[i].instrument, m->phrase, m->term) >= sense)
			return 1;
	return 0;
}

/* Gives a named instrument to the parts that have it; 0 if none has. */
static int give_to_parts(struct resolver *r, const struct mention *m)
{
	const struct style *s = r->b->style;
	if (give_usual(r, m, CALLED_SO) || give_choice(r, m, CALLED_SO) || is_there(r, m))
		return 1;
	int whole = 0; /* "drums" are there already, whatever they are */
	for (unsigned p = 0; p < s->n_parts; p++)
		if (stands_for(m, &s->parts[p]))
			whole = r->named[p] = 1;
	return whole || give_usual(r, m, CALLED_ALSO) || give_choice(r, m, CALLED_ALSO) || give_usual(r, m, CALLED_LIKE) ||
	       give_choice(r, m, CALLED_LIKE);
}

static int can_join(const char *role, enum part_role *ret)
{
	static const enum part_role joining[] = {ROLE_PAD, ROLE_COUNTER, ROLE_COMP};
	for (int i = 0; i < 3; i++)
		if (!strcmp(role, part_role_ids[joining[i]])) {
			*ret = joining[i];
			return 1;
		}
	return 0;
}

static void add_extra(struct resolver *r, const struct mention *m)
{
	struct brief *b = r->b;
	if (b->n_extra == BRIEF_MAX_EXTRA)
		return;
	struct brief_extra *x = &b->extra[b->n_extra];
	if (m->term && !m->term->n_roles) {
		static char general[] = "general";
		const struct term *t = m->term;
		x->role = t->role_id;
		x->instrument = (struct style_instrument){.name = t->name, .words = t->words, .n_words = t->n_words, .soundfont = general, .bank = t->bank,
		                                          .program = t->program, .low = t->low, .high = t->high, .level_db = t->level_db};
		b->n_extra++;
		return;
	}
	/* An instrument that only some style knows: that style's. */
	int n;
	const struct style_word *words = vocabulary_find(r->v, m->phrase, &n);
	for (int i = 0; i < n; i++) {
		if (words[i].part < 0)
			continue;
		const struct style_part *p = &r->v->styles->styles[words[i].style]->parts[words[i].part];
		if (can_join(p->role, &x->role)) {
			x->instrument = p->instruments[words[i].instrument];
			b->n_extra++;
			return;
		}
	}
}

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
			int now = r->b->instrument[p];
			if (m->negated && !m->hint && now >= 0 && (stands_for(m, &s->parts[p]) || is_called(&s->parts[p].instruments[now], m->phrase, m->term)))
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
		if (b->extra[i].role != ROLE_COUNTER)
			return;
	for (unsigned p = 0; p < s->n_parts && !r->w->only && !r->w->sparse; p++)
		for (unsigned k = 0; k < s->parts[p].n_instruments && is_harmonic(&s->parts[p]); k++) {
			int denied = 0;
			for (int i = 0; i < r->w->n_mentions; i++)
				denied |= r->w->mentions[i].negated && is_called(&s->parts[p].instruments[k], r->w->mentions[i].phrase, r->w->mentions[i].term);
			if (!denied) {
				b->instrument[p] = (int)k;
				return;
			}
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

static void resolve_instruments(struct resolver *r)
{
	const struct wishes *w = r->w;
	/* "Electronic drums" choose among kits before plain "drums", and "nylon guitar" before "guitar", take whatever there is. */
	for (int whole = 0; whole <= 1; whole++)
		for (int i = 0; i < w->n_mentions; i++) {
			const struct mention *m = &w->mentions[i];
			int plain = (m->term && m->term->generic) || (m->term && m->term->n_roles && !strchr(m->phrase, ' '));
			if (!m->negated && !m->hint && plain == whole && !give_to_parts(r, m) && !w->sparse)
				add_extra(r, m);
		}
	for (int i = 0; i < w->n_mentions; i++)
		if (w->mentions[i].hint && !w->mentions[i].negated && !w->only)
			give_choice(r, &w->mentions[i], CALLED_SO);
	silence_unwanted(r);
	keep_harmony(r);
}

/* ---- what was understood ---- */

static void say_instruments(const struct resolver *r, struct buf *out)
{
	const struct wishes *w = r->w;
	int said = 0;
	for (int i = 0; i < w->n_mentions; i++)
		if (!w->mentions[i].negated && !w->mentions[i].hint)
			buf_addf(out, "%s%s", said++ ? ", " : w->only ? "; only " : "; with ", w->mentions[i].phrase);
	for (int i = 0; i < w->n_mentions; i++)
		if (w->mentions[i].negated && !w->mentions[i].hint)
			buf_addf(out, "; no %s", w->mentions[i].phrase);
	if (w->sparse)
		buf_adds(out, "; a cappella, over a soft choir");
}

static void say_voice(const struct resolver *r, struct buf *out)
{
	const struct singer *s = r->b->singer;
	if (r->b->instrumental)
		buf_adds(out, "; instrumental");
	else
		buf_addf(out, "; singer: %s (%s)", s->title, s->gender[0] == 'f' ? "female" : "male");
	if (r->w->instrumental && !r->b->instrumental)
		buf_adds(out, "; sung, since there are lyrics");
}

static void describe(const struct resolver *r)
{
	struct brief *b = r->b;
	const struct wishes *w = r->w;
	struct buf out = buf_init(16384);
	buf_adds(&out, b->style->title);
	for (int i = 0; i < w->n_moods; i++)
		buf_addf(&out, "%s%s", i ? ", " : "; ", w->moods[i]);
	say_voice(r, &out);
	buf_addf(&out, "; %g bpm", b->tempo_bpm);
	if (w->bpm != 0 && r->req->tempo_bpm == 0 && b->tempo_bpm != w->bpm)
		buf_addf(&out, " (nearest to %g)", w->bpm);
	buf_addf(&out, "; %d/%d", b->meter_num, b->meter_den);
	if (w->odd_meter[0] && !r->req->time_signature)
		buf_addf(&out, " (nearest to %s)", w->odd_meter);
	if (b->tonic_pc >= 0)
		buf_addf(&out, "; %s %s", key_tonic_name(b->tonic_pc, b->minor), b->minor ? "minor" : "major");
	else
		buf_addf(&out, "; %s key", b->minor ? "minor" : "major");
	say_instruments(r, &out);
	/* Cut where a character begins. */
	const char *text = buf_str(&out);
	size_t len = strlen(text);
	if (len >= sizeof b->understood)
		for (len = sizeof b->understood - 1; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	memcpy(b->understood, text, len);
	b->understood[len] = 0;
	buf_release(&out);
}

static int resolve(struct resolver *r, struct madrigal_error *err)
{
	int rc = choose_style(r, err);
	if (rc < 0)
		return rc;
	resolve_mood(r);
	resolve_tempo(r);
	rc = resolve_meter(r, err);
	if (rc == 0)
		rc = resolve_key(r, err);
	if (rc == 0)
		rc = choose_singer(r, err);
	if (rc < 0)
		return rc;
	r->b->instrumental = r->req->instrumental || r->w->instrumental == 2 || (r->w->instrumental == 1 && !has_lyrics(r->req));
	resolve_instruments(r);
	describe(r);
	return 0;
}

int brief_make(const struct madrigal_request *req, const struct style_set *styles, const struct singer_set *singers,
               const struct prompt_lexicon *lx, struct brief *ret, struct madrigal_error *err)
{
	int rc = check_request(req, err);
	if (rc < 0)
		return rc;
	struct vocabulary v;
	rc = vocabulary_init(&v, lx, styles, err);
	if (rc < 0)
		return rc;
	struct wishes w;
	rc = prompt_read(req->prompt, &v, singers, &w, err);
	if (rc == 0) {
		struct brief b;
		memset(&b, 0, sizeof b);
		struct resolver r = {.req = req, .v = &v, .singers = singers, .w = &w, .b = &b};
		rc = resolve(&r, err);
		if (rc == 0)
			*ret = b;
		wishes_release(&w);
	}
	vocabulary_release(&v);
	return rc;
}

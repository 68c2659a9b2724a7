/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resolves what is asked for: options before the prompt, the prompt before the style, the style before the seed. */
#include "style/brief.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "style/resolve.h"

#define PROMPT_MAX_CODE_POINTS 2000
#define TEMPO_MIN 40
#define TEMPO_MAX 240
#define LIKE_REFERENCE 12.0f  /* for the singer who is nearest to the reference's: more than the prompt's adjectives, less than its "female" */
#define FORMANTS_LEAST 0.93f  /* natural bounds: beyond them a voice turns into a cartoon's */
#define FORMANTS_MOST 1.08f
#define BREATHINESS_MOST_DB 6.0f
#define VIBRATO_MOST_CENTS 60
#define INFLUENCE 0.35f       /* share of the second genre in tempo and mood */

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

/* ---- mood, tempo, meter, key ---- */

static void resolve_mood(struct resolver *r)
{
	const struct style *s = r->b->style, *other = r->b->influence;
	float energy = s->energy, valence = s->valence;
	if (other) {
		energy += INFLUENCE * (other->energy - energy);
		valence += INFLUENCE * (other->valence - valence);
	}
	r->b->energy = clamp(energy + 0.8f * tanhf(r->w->energy), -1, 1);
	r->b->valence = clamp(valence + 0.8f * tanhf(r->w->valence), -1, 1);
}

/* The style's tempos; a second genre draws the usual one towards its own, taken at half or double if that is nearer, within the style's range. */
static struct style_range tempos(const struct resolver *r)
{
	struct style_range t = r->b->style->tempo;
	if (r->b->influence) {
		float other = r->b->influence->tempo.usual;
		while (other > t.usual * 1.42f)
			other /= 2;
		while (other < t.usual / 1.42f)
			other *= 2;
		t.usual = clamp(powf(t.usual, 1 - INFLUENCE) * powf(other, INFLUENCE), t.min, t.max);
	}
	return t;
}

static void resolve_tempo(struct resolver *r)
{
	const struct wishes *w = r->w;
	const struct style_range range = tempos(r), *t = &range;
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
	if (r->ref && r->ref->tempo_bpm > 0) {
		r->b->tempo_bpm = fmin(fmax(r->ref->tempo_bpm, TEMPO_MIN), TEMPO_MAX);
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

/* Swing is a feel: a prompt's "shuffle" rules, then the reference, else a straight style takes some of a swung second genre's. */
static void resolve_swing(struct resolver *r)
{
	struct brief *b = r->b;
	if (r->w->swing > 0) {
		b->swing = r->w->swing;
		b->swing_unit = b->tempo_bpm < 78 || !strcmp(b->style->swing_unit, "16") ? "16" : "8";
	} else if (r->ref && r->ref->has_swing) {
		b->swing = r->ref->swing;
		b->swing_unit = r->ref->swing_unit == 16 ? "16" : "8";
	} else if (b->influence && b->influence->swing >= 0.08f && b->style->swing < 0.05f) {
		b->swing = 0.6f * b->influence->swing;
		b->swing_unit = b->influence->swing_unit;
	}
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
	} else if (r->ref && r->ref->meter_num) {
		b->meter_num = r->ref->meter_num;
		b->meter_den = r->ref->meter_den;
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
	if (b->tonic_pc < 0 && r->ref && r->ref->tonic_pc >= 0 && (minor < 0 || minor == r->ref->minor)) {
		b->tonic_pc = r->ref->tonic_pc;
		minor = r->ref->minor;
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
	int by_reference = r->ref && *r->ref->voice[0];
	if (gender && s->gender[0] != gender && (w->gender || !by_reference))
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
	for (int i = 0; r->ref && i < REFERENCE_VOICES; i++)
		if (!strcmp(r->ref->voice[i], s->name))
			score += LIKE_REFERENCE / (float)(1 + i);
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

static void resolve_manner(struct resolver *r)
{
	struct style_singer *m = &r->b->manner;
	*m = r->b->style->singer;
	if (!r->ref)
		return;
	if (r->ref->formant_scale > 0)
		m->formants = clamp(r->ref->formant_scale, FORMANTS_LEAST, FORMANTS_MOST);
	m->breathiness_db = clamp(m->breathiness_db + r->ref->voice_breath_db, -BREATHINESS_MOST_DB, BREATHINESS_MOST_DB);
	if (r->ref->vibrato_cents >= 0 && strcmp(m->manner, "rap")) {
		m->vibrato_cents = clamp(r->ref->vibrato_cents, 0, VIBRATO_MOST_CENTS);
		if (r->ref->vibrato_hz > 0)
			m->vibrato_hz = clamp(r->ref->vibrato_hz, 4, 7.5f);
	}
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
	if (b->influence)
		buf_addf(&out, " with %s%s%s%s", r->second->term && r->second->term->action == DOES_TINGE ? b->influence->title : r->second_word, *r->brought ? " (" : "", r->brought, *r->brought ? ")" : "");
	for (int i = 0; i < w->n_genres; i++)
		if (w->genres[i].weight > 0 && w->genres[i].term && w->genres[i].term->weight < 1 && (!b->influence || strcmp(w->genres[i].phrase, r->second_word)))
			buf_addf(&out, ", %s", w->genres[i].phrase);
	for (int i = 0; i < w->n_moods; i++)
		buf_addf(&out, "%s%s", i ? ", " : "; ", w->moods[i]);
	say_voice(r, &out);
	buf_addf(&out, "; %g bpm%s", b->tempo_bpm, w->swing > 0 ? ", swung" : "");
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
	if (r->ref)
		buf_adds(&out, "; after a reference");
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
	resolve_mood(r);
	resolve_tempo(r);
	resolve_swing(r);
	int rc = resolve_meter(r, err);
	if (rc == 0)
		rc = resolve_key(r, err);
	if (rc == 0)
		rc = choose_singer(r, err);
	if (rc < 0)
		return rc;
	resolve_manner(r);
	r->b->instrumental = r->req->instrumental || r->w->instrumental == 2 || (r->w->instrumental == 1 && !has_lyrics(r->req));
	rc = resolve_instruments(r, err);
	if (rc == 0)
		describe(r);
	return rc;
}

/* A prompt without instruments is read as if it went on with the reference's. On failure *w is released. */
static int read_with_reference(const struct resolver *r, const struct vocabulary *v, struct wishes *w, struct madrigal_error *err)
{
	struct buf text = buf_init(65536);
	buf_addf(&text, "%s, %s", r->req->prompt ? r->req->prompt : "", r->ref->words);
	wishes_release(w);
	int rc = text.failed ? err_nomem(err) : prompt_read(buf_str(&text), v, r->singers, w, err);
	buf_release(&text);
	return rc;
}

/* Reads the prompt again, now with the words that the chosen styles have for their instruments, and resolves the rest. */
static int read_again(struct resolver *r, const struct prompt_lexicon *lx, int style, int second, struct madrigal_error *err)
{
	const int with_parts[2] = {style, second};
	struct vocabulary v;
	int rc = vocabulary_init(&v, lx, r->set, with_parts, err);
	if (rc < 0)
		return rc;
	struct wishes w;
	rc = prompt_read(r->req->prompt, &v, r->singers, &w, err);
	if (rc == 0 && r->ref && *r->ref->words && !w.n_mentions && !w.sparse)
		rc = read_with_reference(r, &v, &w, err);
	if (rc == 0) {
		r->v = &v;
		r->w = &w;
		rc = resolve(r, err);
		wishes_release(&w);
	}
	vocabulary_release(&v);
	return rc;
}

/* A set may hold mere heads: the style is chosen by these, then it and what flavours it are read whole. */
static int choose_and_resolve(struct resolver *r, const struct prompt_lexicon *lx, struct madrigal_error *err)
{
	int style, second, rc = choose_style(r, &style, &second, err);
	if (rc == 0)
		rc = style_set_complete(r->set, style, err);
	if (rc == 0 && second >= 0)
		rc = style_set_complete(r->set, second, err);
	if (rc < 0)
		return rc;
	r->b->style = r->set->styles[style];
	r->b->influence = second >= 0 ? r->set->styles[second] : NULL;
	return read_again(r, lx, style, second, err);
}

int brief_make(const struct madrigal_request *req, const struct style_reference *ref, struct style_set *styles, const struct singer_set *singers,
               const struct prompt_lexicon *lx, struct brief *ret, struct madrigal_error *err)
{
	int rc = check_request(req, err);
	if (rc < 0)
		return rc;
	struct vocabulary v;
	rc = vocabulary_init(&v, lx, styles, (const int[2]){-1, -1}, err);
	if (rc < 0)
		return rc;
	struct wishes w;
	rc = prompt_read(req->prompt, &v, singers, &w, err);
	if (rc == 0) {
		struct brief b;
		memset(&b, 0, sizeof b);
		b.reference = ref;
		struct resolver r = {.req = req, .ref = ref, .set = styles, .v = &v, .singers = singers, .w = &w, .b = &b};
		rc = choose_and_resolve(&r, lx, err);
		if (rc == 0)
			*ret = b;
		wishes_release(&w);
	}
	vocabulary_release(&v);
	return rc;
}

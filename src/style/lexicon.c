/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/lexicon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "style/yaml_tree.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
#define OPTIONAL CYAML_FLAG_OPTIONAL

/* ---- the file ---- */

#define TERM_NUMBERS(F, I) \
	F(struct term, energy, -1, 1, 0) F(struct term, valence, -1, 1, 0) F(struct term, tempo, -1, 1, 0) F(struct term, weight, 0, 2, 1) \
	F(struct term, factor, 0, 2, 1) F(struct term, swing, 0, 0.34, 0) I(struct term, bpm_low, 40, 240, 0) I(struct term, bpm_high, 40, 240, 0) I(struct term, bank, 0, 128, 0) \
	I(struct term, program, 0, 127, -1) I(struct term, low, 0, 127, 0) I(struct term, high, 0, 127, 127) F(struct term, level_db, -24, 24, 0)
#define FLOAT_ROW(type, member, min, max, otherwise) YAML_FLOAT_FIELD(type, member),
#define INT_ROW(type, member, min, max, otherwise) YAML_INT_FIELD(type, member),
#define FLOAT_ENTRY(type, member, min, max, otherwise) YAML_FLOAT_NUMBER(type, member, min, max, otherwise),
#define INT_ENTRY(type, member, min, max, otherwise) YAML_INT_NUMBER(type, member, min, max, otherwise),
#define TEXT(member) CYAML_FIELD_STRING_PTR(#member, OPTIONAL, struct term, member, 1, 47)
#define WORDS(member, flags) CYAML_FIELD_SEQUENCE_COUNT(#member, CYAML_FLAG_POINTER | (flags), struct term, member, n_##member, &word_value, 1, 256)

static const cyaml_schema_value_t word_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 63)};
static const cyaml_schema_field_t term_fields[] = {
	WORDS(words, 0), WORDS(like, OPTIONAL), WORDS(with, OPTIONAL), WORDS(brings, OPTIONAL), WORDS(tones, OPTIONAL), WORDS(roles, OPTIONAL),
	CYAML_FIELD_BOOL("generic", OPTIONAL, struct term, generic),
	TEXT(meter), TEXT(mode), TEXT(gender), TEXT(age), TEXT(does), TEXT(name), TEXT(role),
	TERM_NUMBERS(FLOAT_ROW, INT_ROW) CYAML_FIELD_END
};
static const cyaml_schema_value_t term_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct term, term_fields)};
static const struct yaml_number term_numbers[] = {TERM_NUMBERS(FLOAT_ENTRY, INT_ENTRY)};

struct lists { struct { struct term *terms; unsigned n; } of[TERM_KINDS]; };
#define TERMS(list, kind) \
	CYAML_FIELD_SEQUENCE_COUNT(list, CYAML_FLAG_POINTER, struct lists, of[kind].terms, of[kind].n, &term_value, 1, 1000)
static const char *const list_keys[TERM_KINDS] = {"genres", "moods", "tempos", "meters", "modes", "singers", "instruments", "controls"};
static const cyaml_schema_field_t lists_fields[] = {
	TERMS("genres", TERM_GENRE), TERMS("moods", TERM_MOOD), TERMS("tempos", TERM_TEMPO), TERMS("meters", TERM_METER),
	TERMS("modes", TERM_MODE), TERMS("singers", TERM_SINGER), TERMS("instruments", TERM_INSTRUMENT), TERMS("controls", TERM_CONTROL),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t lists_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct lists, lists_fields)};

/* ---- words ---- */

static int is_word_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || c == '_';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Typography that means something: curly apostrophes, dashes, sharp and flat, a note in a metronome mark. Returns the bytes read, 0 if
 * p is something else. */
static int special(const char *p, char *ret)
{
	static const struct { const char *utf8; char as; } table[] = {
		{"\xe2\x80\x99", '\''}, {"\xe2\x80\x98", '\''}, {"\xca\xbc", '\''}, {"\xe2\x80\x93", '-'}, {"\xe2\x80\x94", ','}, {"\xe2\x80\x90", '-'},
		{"\xe2\x80\x91", '-'}, {"\xe2\x99\xaf", '#'}, {"\xe2\x99\xad", 'b'}, {"\xe2\x80\xa6", '.'}, {"\xe2\x80\x9c", ','}, {"\xe2\x80\x9d", ','},
		{"\xe3\x80\x82", '.'}, {"\xef\xbc\x8c", ','}, {"\xe3\x80\x81", ','}, {"\xc2\xa0", ' '}, {"\xe2\x80\xa2", ','},
	};
	if ((unsigned char)*p < 0x80)
		return 0;
	for (int i = 0; i < LENGTH(table); i++) {
		size_t n = strlen(table[i].utf8);
		if (!strncmp(p, table[i].utf8, n)) {
			*ret = table[i].as;
			return (int)n;
		}
	}
	return 0;
}

static enum gap gap_of(char c)
{
	switch (c) {
	case '-': return GAP_HYPHEN;
	case '/': return GAP_SLASH;
	case ',': case '(': case ')': case '"': case '[': case ']': case '|': return GAP_COMMA;
	case '.': case ';': case ':': case '!': case '?': case '\n': return GAP_STOP;
	default: return GAP_SPACE;
	}
}

/* Whether c continues the token t of len bytes, given the character after it. */
static int joins(const char *t, int len, char c, char next)
{
	if (is_word_byte((unsigned char)c))
		return 1;
	if (len == 0)
		return 0;
	char last = t[len - 1];
	if (c == '#')
		return len == 1 && last >= 'a' && last <= 'g';
	if (c == '\'' || (c == '&' && len == 1)) /* "don't", "r&b" */
		return is_word_byte((unsigned char)next);
	return (c == '/' || c == '.') && is_digit(last) && is_digit(next);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int prompt_tokenise(const char *text, struct token *tokens, int max)
{
	int n = 0, len = 0;
	enum gap gap = GAP_STOP;
	struct token t = {.gap = gap};
	for (const char *p = text; n < max;) {
		char c = *p, next;
		int bytes = special(p, &c);
		bytes = bytes ? bytes : *p != 0;
		if (!special(p + bytes, &next))
			next = p[bytes];
		/* "92bpm" is two words. */
		int splits = len && is_digit(t.text[len - 1]) && lower(c) == 'b' && lower(next) == 'p';
		if (*p && !splits && joins(t.text, len, c, next)) {
			if (len == 0) {
				t.first = c;
				t.gap = gap;
				gap = GAP_SPACE;
			}
			if (len < TOKEN_MAX_BYTES)
				t.text[len++] = lower(c);
			p += bytes;
			continue;
		}
		if (len) {
			t.text[len] = 0;
			tokens[n++] = t;
			len = 0;
			if (splits)
				continue;
		}
		if (!*p)
			break;
		/* An ampersand or a plus between words is the word that it stands for. */
		if ((c == '&' || c == '+') && n < max && n > 0)
			tokens[n++] = (struct token){.text = "and", .gap = gap, .first = c};
		else if (gap_of(c) > gap)
			gap = gap_of(c);
		p += bytes;
	}
	return n;
}

int join_tokens(const struct token *tokens, int n, int strip, char out[PHRASE_MAX_BYTES])
{
	size_t len = 0;
	for (int i = 0; i < n; i++) {
		size_t k = strlen(tokens[i].text);
		if (len + k + 2 > PHRASE_MAX_BYTES)
			return 0;
		if (i)
			out[len++] = ' ';
		memcpy(out + len, tokens[i].text, k);
		len += k;
	}
	size_t last = n ? strlen(tokens[n - 1].text) : 0;
	if (strip && (last < (size_t)strip + 3 || out[len - 1] != 's' || (strip == 2 && out[len - 2] != 'e')))
		return 0;
	out[len - (size_t)strip] = 0;
	return 1;
}

void normalise_phrase(const char *text, char out[PHRASE_MAX_BYTES])
{
	struct token tokens[PHRASE_MAX_TOKENS + 1];
	int n = prompt_tokenise(text, tokens, PHRASE_MAX_TOKENS + 1);
	if (n > PHRASE_MAX_TOKENS || !join_tokens(tokens, n, 0, out))
		out[0] = 0;
}

static int compare_phrases(const void *a, const void *b)
{
	const struct phrase *x = a, *y = b;
	return strcmp(x->text, y->text);
}

const struct term *prompt_lexicon_find(const struct prompt_lexicon *lx, const char *phrase)
{
	int low = 0, high = lx->n_phrases;
	while (low < high) {
		int mid = (low + high) / 2;
		int c = strcmp(lx->phrases[mid].text, phrase);
		if (c == 0)
			return lx->phrases[mid].term;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* ---- loading ---- */

static int check_control(const struct yaml_doc *d, int node, struct term *t, struct madrigal_error *err)
{
	static const char *const names[DOES_KINDS] = {"negate", "only", "about", "scale", "filler", "join", "turn", "voice", "nothing", "sparse",
	                                              "instrumental", "maybe-instrumental", "tinge"};
	for (int i = 0; t->does && i < DOES_KINDS; i++)
		if (!strcmp(t->does, names[i])) {
			t->action = (enum term_does)i;
			return 0;
		}
	return yaml_error(d, yaml_line(d, node, "does"), err, "a control does one of the things listed above it");
}

static int check_instrument(const struct yaml_doc *d, int node, struct term *t, struct madrigal_error *err)
{
	if (t->n_roles) {
		for (unsigned i = 0; i < t->n_roles; i++) {
			int known = 0;
			for (int r = 0; r < PART_ROLES; r++)
				known |= !strcmp(t->roles[i], part_role_ids[r]);
			if (!known)
				return yaml_error(d, yaml_line(d, node, "roles"), err, "unknown role \"%s\"", t->roles[i]);
		}
		if (t->program >= 0 && (!t->name || t->n_roles > 1 || t->high < t->low + 12))
			return yaml_error(d, d->nodes[node].line, err, "an instrument that takes another's place needs a name, one role, and low and high an octave apart");
		return 0;
	}
	static const enum part_role joining[] = {ROLE_PAD, ROLE_COUNTER, ROLE_COMP};
	for (int i = 0; t->role && i < LENGTH(joining); i++)
		if (!strcmp(t->role, part_role_ids[joining[i]])) {
			t->role_id = joining[i];
			if (t->program < 0 || t->high < t->low + 12)
				return yaml_error(d, d->nodes[node].line, err, "an instrument needs program, low and high, an octave apart at least");
			return 0;
		}
	return yaml_error(d, d->nodes[node].line, err, "an instrument needs roles, or a role (pad, counter or comp) with program, low and high");
}

static int one_of(const char *s, const char *const *list, int n)
{
	for (int i = 0; s && i < n; i++)
		if (!strcmp(s, list[i]))
			return 1;
	return s == NULL;
}

static int check_term(const struct yaml_doc *d, int node, struct term *t, struct madrigal_error *err)
{
	static const char *const meters[] = {"4/4", "3/4", "6/8"}, *const modes[] = {"major", "minor"}, *const genders[] = {"f", "m"},
	                         *const ages[] = {"young", "adult", "old"};
	int rc = yaml_numbers(d, node, d->nodes[node].line, t, term_numbers, LENGTH(term_numbers), err);
	if (rc < 0)
		return rc;
	if (!one_of(t->meter, meters, LENGTH(meters)))
		return yaml_error(d, yaml_line(d, node, "meter"), err, "unknown meter \"%s\"", t->meter);
	if (!one_of(t->mode, modes, LENGTH(modes)))
		return yaml_error(d, yaml_line(d, node, "mode"), err, "unknown mode \"%s\"", t->mode);
	if (!one_of(t->gender, genders, LENGTH(genders)))
		return yaml_error(d, yaml_line(d, node, "gender"), err, "gender \"%s\": f or m is allowed", t->gender);
	if (!one_of(t->age, ages, LENGTH(ages)))
		return yaml_error(d, yaml_line(d, node, "age"), err, "age \"%s\": young, adult or old is allowed", t->age);
	if (t->bpm_low > t->bpm_high)
		return yaml_error(d, yaml_line(d, node, "bpm_low"), err, "bpm_low is above bpm_high");
	if (t->kind == TERM_GENRE && t->does && strcmp(t->does, "tinge"))
		return yaml_error(d, yaml_line(d, node, "does"), err, "a genre can only tinge");
	if (t->kind == TERM_CONTROL || t->does)
		return check_control(d, node, t, err);
	return t->kind == TERM_INSTRUMENT ? check_instrument(d, node, t, err) : 0;
}

/* Adds the phrases of one term. */
static int add_phrases(struct prompt_lexicon *lx, const struct yaml_doc *d, int node, const struct term *t, struct madrigal_error *err)
{
	int list = yaml_child(d, node, "words");
	for (unsigned i = 0; i < t->n_words; i++) {
		char text[PHRASE_MAX_BYTES];
		normalise_phrase(t->words[i], text);
		if (!text[0])
			return yaml_error(d, d->nodes[yaml_item(d, list, (int)i)].line, err, "\"%.40s\" is not a phrase of 1 to %d words", t->words[i],
			                  PHRASE_MAX_TOKENS);
		char *copy = strdup(text);
		if (!copy)
			return err_nomem(err);
		lx->phrases[lx->n_phrases++] = (struct phrase){copy, t};
	}
	return 0;
}

static int index_terms(struct prompt_lexicon *lx, const struct yaml_doc *d, struct madrigal_error *err)
{
	struct lists *lists = lx->data;
	size_t total = 0;
	for (int k = 0; k < TERM_KINDS; k++)
		for (unsigned i = 0; i < lists->of[k].n; i++)
			total += lists->of[k].terms[i].n_words;
	lx->phrases = calloc(total + 1, sizeof *lx->phrases);
	if (!lx->phrases)
		return err_nomem(err);
	for (int k = 0; k < TERM_KINDS; k++) {
		int node = yaml_item(d, yaml_child(d, 0, list_keys[k]), 0);
		for (unsigned i = 0; i < lists->of[k].n; i++, node = d->nodes[node].next) {
			struct term *t = &lists->of[k].terms[i];
			t->kind = (enum term_kind)k;
			int rc = check_term(d, node, t, err);
			if (rc == 0)
				rc = add_phrases(lx, d, node, t, err);
			if (rc < 0)
				return rc;
		}
	}
	qsort(lx->phrases, (size_t)lx->n_phrases, sizeof *lx->phrases, compare_phrases);
	for (int i = 1; i < lx->n_phrases; i++)
		if (!strcmp(lx->phrases[i - 1].text, lx->phrases[i].text))
			return err_set(err, MADRIGAL_ESTYLE, "%s:1: \"%s\" is there twice", d->name, lx->phrases[i].text);
	return 0;
}

int prompt_lexicon_load_text(const char *name, const char *text, size_t len, struct prompt_lexicon **ret, struct madrigal_error *err)
{
	struct prompt_lexicon *lx = calloc(1, sizeof *lx);
	if (!lx)
		return err_nomem(err);
	struct yaml_doc d;
	int rc = yaml_load(name, text, len, &lists_schema, &d, &lx->data, err);
	if (rc == 0) {
		rc = index_terms(lx, &d, err);
		yaml_doc_release(&d);
	}
	if (rc < 0) {
		prompt_lexicon_free(lx);
		return rc;
	}
	*ret = lx;
	return 0;
}

int prompt_lexicon_new(const char *share_dir, struct prompt_lexicon **ret, struct madrigal_error *err)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/words/prompt.yaml", share_dir) >= (int)sizeof path)
		return err_set(err, MADRIGAL_EIO, "the path of the prompt's words is too long");
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, YAML_MAX_BYTES, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = prompt_lexicon_load_text(path, text, len, ret, err);
	free(text);
	return rc;
}

void prompt_lexicon_free(struct prompt_lexicon *lx)
{
	if (!lx)
		return;
	for (int i = 0; i < lx->n_phrases; i++)
		free(lx->phrases[i].text);
	free(lx->phrases);
	if (lx->data)
		yaml_data_free(&lists_schema, lx->data);
	free(lx);
}

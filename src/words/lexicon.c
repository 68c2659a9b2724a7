/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A word's sound is looked for in this order: the user's dictionary; homographs.txt, by its neighbours; english.dict;
 * parts (hyphens, 's, in', repeated and drawn-out letters); espeak-ng. What a word alone decides is remembered. */
#include "words/lexicon.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <espeak-ng/espeak_ng.h>
#include <espeak-ng/speak_lib.h>

#include "base/file.h"
#include "words/map.h"
#include "words/phonemes.h"
#include "words/text.h"

#define DATA_MAX_BYTES (4u << 20)
#define PRONUNCIATION_MAX_BYTES 8192
#define REMEMBERED_MAX 20000

struct homograph {
	const char *word, *phonemes;
	char side;            /* 'n': the next word decides, 'p': the one before */
	const char *words;    /* " music show wire " */
};

struct lexicon {
	struct arena arena;
	struct map lists[WORD_LISTS];
	struct map english, user;
	struct map homograph_index; /* word -> index of its first rule, in decimal */
	struct homograph *homographs;
	int n_homographs, homographs_cap;
	struct map remembered;      /* guarded by espeak_lock, like remembered_arena */
	struct arena remembered_arena;
};

/* espeak-ng is one per process. */
static pthread_mutex_t espeak_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- loading ---- */

/* One line of a file, trimmed, without its comment, not empty; may be changed. */
typedef int line_fn(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err);

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = 0;
	return s;
}

static int read_lines(struct lexicon *lx, const char *path, line_fn *fn, struct madrigal_error *err)
{
	char *data;
	size_t len;
	int rc = file_read(path, DATA_MAX_BYTES, &data, &len, err);
	if (rc < 0)
		return rc;
	char *p = data;
	if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	for (int number = 1; p && rc == 0; number++) {
		char *end = strchr(p, '\n');
		if (end)
			*end = 0;
		char *comment = strchr(p, '#');
		if (comment)
			*comment = 0;
		char *line = trim(p);
		if (*line)
			rc = fn(lx, line, path, number, err);
		p = end ? end + 1 : NULL;
	}
	free(data);
	return rc;
}

static int put(struct lexicon *lx, struct map *m, const char *key, const char *value, struct madrigal_error *err)
{
	return map_put(m, &lx->arena, key, value) < 0 ? err_nomem(err) : 0;
}

static int put_all(struct lexicon *lx, struct map *m, char *line, const char *separators, const char *value, struct madrigal_error *err)
{
	char *save;
	int rc = 0;
	for (char *w = strtok_r(line, separators, &save); w && rc == 0; w = strtok_r(NULL, separators, &save))
		if (*(w = trim(w)))
			rc = put(lx, m, w, value, err);
	return rc;
}

static int function_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	(void)path, (void)number;
	return put_all(lx, &lx->lists[LIST_FUNCTION], line, " \t", "", err);
}

static int acronym_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	(void)path, (void)number;
	return put_all(lx, &lx->lists[LIST_ACRONYM], line, " \t", "", err);
}

static int keep_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	(void)path, (void)number;
	return put_all(lx, &lx->lists[LIST_KEEP], line, " \t", "", err);
}

static int direction_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	(void)path, (void)number;
	return put(lx, &lx->lists[LIST_DIRECTION], line, "", err);
}

static int abbreviation_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	char *eq = strchr(line, '=');
	if (!eq || eq == line || !eq[1])
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: expected \"short = words\"", path, number);
	*eq = 0;
	return put(lx, &lx->lists[LIST_ABBREVIATION], trim(line), trim(eq + 1), err);
}

static int tag_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	char *colon = strchr(line, ':'), *save, value[40];
	int kind = 0, rc = 0;
	if (colon)
		*colon = 0;
	while (kind < SECTION_KINDS && strcmp(section_ids[kind], trim(line)))
		kind++;
	if (!colon || kind == SECTION_KINDS)
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: expected a section's name and a colon", path, number);
	for (char *w = strtok_r(colon + 1, ",", &save); w && rc == 0; w = strtok_r(NULL, ",", &save)) {
		w = trim(w);
		int alone = *w == '=';
		snprintf(value, sizeof value, "%s%d", alone ? "=" : "", kind);
		rc = put(lx, &lx->lists[LIST_TAG], w + alone, value, err);
	}
	return rc;
}

static int is_arpabet(const char *s)
{
	for (; *s; s++)
		if (!(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '2') && *s != ' ' && *s != '\t')
			return 0;
	return 1;
}

/* "word  phonemes" -> the voice's alphabet in out; the word, in small letters, in key. */
static int dictionary_entry(char *line, struct buf *key, struct buf *out, const char *path, int number, struct madrigal_error *err)
{
	size_t n = strcspn(line, " \t");
	char *sounds = line + n + strspn(line + n, " \t");
	unsigned c;
	if (!*sounds)
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: \"%.60s\" has no pronunciation", path, number, line);
	line[n] = 0;
	for (size_t i = 0, len = strlen(line); i < len;) {
		int k = utf8_decode(line + i, len - i, &c);
		if (k == 0)
			return err_set(err, MADRIGAL_ELYRICS, "%s:%d: not UTF-8", path, number);
		i += (size_t)k;
	}
	text_lower(line, key);
	const char *bad = is_arpabet(sounds) ? phonemes_from_arpabet(sounds, out) : phonemes_from_ipa(sounds, 1, out);
	if (bad) {
		int k = is_arpabet(sounds) ? (int)strcspn(bad, " \t") : utf8_decode(bad, strlen(bad), &c);
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: \"%.*s\" in the pronunciation of \"%.60s\" is no sound of English", path, number, k ? k : 1, bad, line);
	}
	if (phonemes_vowels(buf_str(out)) == 0)
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: the pronunciation of \"%.60s\" has no vowel to sing", path, number, line);
	return 0;
}

static int put_entry(struct lexicon *lx, struct map *m, char *line, const char *path, int number, struct madrigal_error *err)
{
	struct buf key = buf_init(1024), sound = buf_init(1024);
	int rc = dictionary_entry(line, &key, &sound, path, number, err);
	if (rc == 0 && (key.failed || sound.failed))
		rc = err_set(err, MADRIGAL_ELYRICS, "%s:%d: the line is too long", path, number);
	if (rc == 0)
		rc = put(lx, m, buf_str(&key), buf_str(&sound), err);
	buf_release(&key);
	buf_release(&sound);
	return rc;
}

static int english_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	return put_entry(lx, &lx->english, line, path, number, err);
}

static int user_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	return put_entry(lx, &lx->user, line, path, number, err);
}

/* "live next: music show = L AY1 V" */
static int homograph_line(struct lexicon *lx, char *line, const char *path, int number, struct madrigal_error *err)
{
	char *sp = strchr(line, ' '), *colon = strchr(line, ':'), *eq = strchr(line, '='), index[16];
	if (!sp || !colon || !eq || colon < sp || eq < colon || (sp[1] != 'n' && sp[1] != 'p'))
		return err_set(err, MADRIGAL_ELYRICS, "%s:%d: expected \"word next: words = phonemes\" or \"word prev: ...\"", path, number);
	*sp = *colon = *eq = 0;
	struct buf sound = buf_init(256), words = buf_init(4096);
	buf_addf(&words, " %s ", trim(colon + 1));
	int rc = 0;
	if (phonemes_from_arpabet(eq + 1, &sound) || array_reserve((void **)&lx->homographs, &lx->homographs_cap, lx->n_homographs, sizeof *lx->homographs) < 0)
		rc = err_set(err, MADRIGAL_ELYRICS, "%s:%d: bad pronunciation", path, number);
	if (rc == 0) {
		struct homograph *h = &lx->homographs[lx->n_homographs++];
		*h = (struct homograph){ .side = sp[1] };
		h->word = arena_copy(&lx->arena, line, strlen(line));
		h->phonemes = arena_copy(&lx->arena, buf_str(&sound), sound.len);
		h->words = arena_copy(&lx->arena, buf_str(&words), words.len);
		snprintf(index, sizeof index, "%d", lx->n_homographs - 1);
		if (!h->word || !h->phonemes || !h->words)
			rc = err_nomem(err);
		else if (!map_get(&lx->homograph_index, line))
			rc = put(lx, &lx->homograph_index, line, index, err); /* a word's rules stand together */
	}
	buf_release(&sound);
	buf_release(&words);
	return rc;
}

static int load_data(struct lexicon *lx, const char *share_dir, struct madrigal_error *err)
{
	static const struct { const char *name; line_fn *fn; } files[] = {
		{ "function.txt", function_line }, { "acronyms.txt", acronym_line }, { "directions.txt", direction_line }, { "abbreviations.txt", abbreviation_line },
		{ "tags.txt", tag_line }, { "apostrophes.txt", keep_line }, { "homographs.txt", homograph_line }, { "english.dict", english_line },
	};
	char path[4096];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/words/%s", share_dir, files[i].name) >= sizeof path)
			return err_set(err, MADRIGAL_EIO, "the data folder's name is too long");
		int rc = read_lines(lx, path, files[i].fn, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Once for the process: espeak-ng 1.51 hangs when it is ended after a second beginning, so it is never ended. By its own interface
 * and without an output, since the older one opens the sound server. */
static int espeak_open(struct madrigal_error *err)
{
	static int begun, speaks_english;
	int rc = 0;
	pthread_mutex_lock(&espeak_lock);
	if (!begun) {
		espeak_ng_ERROR_CONTEXT context = NULL;
		espeak_ng_InitializePath(NULL);
		begun = espeak_ng_Initialize(&context) == ENS_OK;
		espeak_ng_ClearErrorContext(&context);
	}
	if (begun && !speaks_english)
		speaks_english = espeak_ng_SetVoiceByName("en-us") == ENS_OK;
	if (!speaks_english)
		rc = err_set(err, MADRIGAL_EMISSING, "espeak-ng's data for American English is missing; mend with: apt-get install espeak-ng-data");
	pthread_mutex_unlock(&espeak_lock);
	return rc;
}

static void release_data(struct lexicon *lx)
{
	for (int i = 0; i < WORD_LISTS; i++)
		map_release(&lx->lists[i]);
	map_release(&lx->english);
	map_release(&lx->user);
	map_release(&lx->homograph_index);
	map_release(&lx->remembered);
	free(lx->homographs);
	arena_release(&lx->arena);
	arena_release(&lx->remembered_arena);
	free(lx);
}

int lexicon_new(const char *share_dir, const char *dictionary, struct lexicon **ret, struct madrigal_error *err)
{
	struct lexicon *lx = calloc(1, sizeof *lx);
	if (!lx)
		return err_nomem(err);
	int rc = load_data(lx, share_dir, err);
	if (rc == 0 && dictionary)
		rc = read_lines(lx, dictionary, user_line, err);
	if (rc == 0)
		rc = espeak_open(err);
	if (rc < 0) {
		release_data(lx);
		return rc;
	}
	*ret = lx;
	return 0;
}

void lexicon_free(struct lexicon *lx)
{
	if (lx)
		release_data(lx);
}

const char *lexicon_find(const struct lexicon *lx, enum word_list list, const char *key)
{
	return map_get(&lx->lists[list], key);
}

/* ---- sections' names ---- */

#define TAG_WORDS_MAX 12

/* The words of a tag in small letters, numbers and repetition marks taken out. */
struct tag_words {
	char word[TAG_WORDS_MAX][24];
	int n, number;
};

static int as_number(const char *w)
{
	static const char *const names[] = { "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten" };
	static const char *const roman[] = { "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x" };
	for (int i = 0; i < 10; i++)
		if (!strcmp(w, names[i]) || !strcmp(w, roman[i]))
			return i + 1;
	return 0;
}

static void tag_split(const char *text, size_t len, struct tag_words *t)
{
	int just_set = 0; /* the word before was the number */
	*t = (struct tag_words){ 0 };
	for (size_t i = 0; i < len && t->n < TAG_WORDS_MAX;) {
		size_t n = 0, digits = 0;
		char w[24];
		while (i < len && !isalnum((unsigned char)text[i]))
			i++;
		for (; i < len && isalnum((unsigned char)text[i]); i++) {
			/* "Verse2", "PreChorus": a digit or a capital begins a word of its own */
			int digit = isdigit((unsigned char)text[i]) != 0;
			if (n && digit != (digits > 0) && !(n == 1 && w[0] == 'x') && text[i] != 'x')
				break;
			if (n < sizeof w - 1)
				w[n++] = (char)tolower((unsigned char)text[i]);
			digits += (size_t)digit;
		}
		w[n] = 0;
		if (just_set && (!strncmp(w, "bar", 3) || !strncmp(w, "beat", 4) || !strncmp(w, "sec", 3) || !strcmp(w, "measures")))
			t->number = 0; /* "8 bars" numbers no section */
		just_set = 0;
		if (n == 0 || (w[0] == 'x' && digits) || (digits && w[n - 1] == 'x') || !strcmp(w, "x") || !strcmp(w, "repeat"))
			continue;
		if (digits) {
			if (!t->number && n <= 2) {
				t->number = atoi(w);
				just_set = 1;
			}
			/* "middle 8" is a name */
			if (!(n == 1 && w[0] == '8' && t->n && !strcmp(t->word[t->n - 1], "middle")))
				continue;
			t->number = 0;
		}
		if (t->n && !t->number && as_number(w) && strcmp(t->word[t->n - 1], "middle")) {
			t->number = as_number(w);
			continue;
		}
		strcpy(t->word[t->n++], w);
	}
}

/* The kind named by k words from word i on, -1 if none. *ret_alone: counts only by itself. */
static int tag_phrase(const struct lexicon *lx, const struct tag_words *t, int i, int k, int *ret_alone)
{
	char phrase[24 * TAG_WORDS_MAX] = "";
	for (int j = 0; j < k; j++) {
		if (j)
			strcat(phrase, " ");
		strcat(phrase, t->word[i + j]);
	}
	const char *v = map_get(&lx->lists[LIST_TAG], phrase);
	if (!v)
		return -1;
	*ret_alone = *v == '=';
	return atoi(v + *ret_alone);
}

int lexicon_section(const struct lexicon *lx, const char *text, size_t len, int exact, enum section_kind *ret_kind, int *ret_number)
{
	struct tag_words t;
	int alone, kind = -1;
	tag_split(text, len, &t);
	if (t.n == 0)
		return 0;
	kind = t.n <= 4 ? tag_phrase(lx, &t, 0, t.n, &alone) : -1;
	if (kind < 0 && exact)
		return 0;
	/* Else the first name among the first words; "instrumental" mostly describes another: "instrumental intro". */
	for (int pass = 0; pass < 2 && kind < 0; pass++) {
		for (int i = 0; i < t.n && i < 3 && kind < 0; i++) {
			for (int k = t.n - i < 3 ? t.n - i : 3; k >= 1 && kind < 0; k--) {
				kind = tag_phrase(lx, &t, i, k, &alone);
				if (kind >= 0 && (alone || (pass == 0 && kind == SECTION_INST)))
					kind = -1;
			}
		}
	}
	if (kind < 0)
		return 0;
	*ret_kind = (enum section_kind)kind;
	*ret_number = t.number;
	return 1;
}

/* ---- sounds ---- */

static const char *dictionary(const struct lexicon *lx, const char *word)
{
	const char *p = map_get(&lx->user, word);
	return p ? p : map_get(&lx->english, word);
}

static int is_vowel_letter(char c)
{
	return c && strchr("aeiouy", c) != NULL;
}

static void espeak_word(const char *word, struct buf *out)
{
	const void *p = word;
	for (int clauses = 0; p && clauses < 64; clauses++) {
		const char *ipa = espeak_TextToPhonemes(&p, espeakCHARS_UTF8, espeakPHONEMES_IPA);
		if (ipa)
			phonemes_from_ipa(ipa, 0, out);
	}
}

/* "hmm", "tsk", "grr": no vowel letter, so its consonants around a neutral vowel. */
static void hummed(const char *w, struct buf *out)
{
	static const char *const sound[26] = { "", "b", "k", "d", "", "f", "ɡ", "h", "", "ʤ", "k", "l", "m", "n", "", "p", "k", "ɹ", "s", "t", "", "v", "w", "ks", "", "z" };
	int nucleus = 0;
	for (size_t i = 0; w[i]; i++) {
		if (w[i] < 'a' || w[i] > 'z' || (i && w[i] == w[i - 1]))
			continue;
		if (!nucleus && (strchr("mnlr", w[i]) || i)) {
			buf_adds(out, "ˈə");
			nucleus = 1;
		}
		buf_adds(out, sound[w[i] - 'a']);
	}
	if (!nucleus)
		buf_adds(out, "ˈə");
}

/* Writes w with runs of a letter shortened: runs of vowels longer than `from` to `vowels` letters, of consonants likewise. */
static void shorten(const char *w, int from, int vowels, int consonants, char *dst, size_t size)
{
	size_t k = 0;
	for (size_t i = 0; w[i] && k + 4 < size;) {
		int run = 1, keep;
		while (w[i + (size_t)run] == w[i])
			run++;
		keep = is_vowel_letter(w[i]) ? vowels : consonants;
		keep = run >= from && keep < run ? keep : run;
		for (int j = 0; j < keep && k + 1 < size; j++)
			dst[k++] = w[i];
		i += (size_t)run;
	}
	dst[k] = 0;
}

/* How many letters a drawn-out run stands for, in a word that no list has: "sooo", "goood", "looove", "allll". */
static int natural_run(const char *w, size_t at, size_t run)
{
	char c = w[at];
	const char *after = w + at + run;
	if (c == 'e')
		return strlen(after) == 0 || strcmp(after, "r") ? 2 : 1;
	if (c == 'o' && *after)
		return (after[1] == 'e' && !after[2]) || !strcmp(after, "ng") || *after == 'h' || *after == 'w' || !strcmp(after, "y") ? 1 : 2;
	if (strchr("lsfz", c))
		return *after ? 1 : 2;
	return 1;
}

static const char *drawn_out(const struct lexicon *lx, const char *w, char *dst, size_t size)
{
	static const int tries[][3] = { { 3, 2, 2 }, { 2, 2, 1 }, { 3, 1, 1 }, { 3, 1, 2 }, { 3, 2, 1 }, { 2, 1, 1 } };
	int longest = 1, run = 1;
	for (size_t i = 1; w[i - 1] && w[i]; i++) {
		run = w[i] == w[i - 1] ? run + 1 : 1;
		longest = run > longest ? run : longest;
	}
	if (longest < 3)
		return NULL;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		shorten(w, tries[i][0], tries[i][1], tries[i][2], dst, size);
		const char *p = dictionary(lx, dst);
		if (p)
			return p;
		if (map_get(&lx->lists[LIST_FUNCTION], dst))
			return NULL;
	}
	size_t k = 0;
	for (size_t i = 0; w[i] && k + 4 < size;) {
		size_t n = 1, keep;
		while (w[i + n] == w[i])
			n++;
		keep = n < 3 ? n : (size_t)natural_run(w, i, n);
		for (size_t j = 0; j < keep; j++)
			dst[k++] = w[i];
		i += n;
	}
	dst[k] = 0;
	return NULL;
}

static void word_sound(const struct lexicon *lx, const char *w, struct buf *out);

/* "lalala", "nanana", "hahaha". 1 if it was one. */
static int repeated(const struct lexicon *lx, const char *w, struct buf *out)
{
	size_t n = strlen(w);
	for (size_t unit = 2; unit <= 3; unit++) {
		size_t i = unit;
		char first[4];
		if (n < 2 * unit || n % unit || n > 40 * unit)
			continue;
		while (i < n && w[i] == w[i - unit])
			i++;
		memcpy(first, w, unit);
		first[unit] = 0;
		const char *p = i == n ? map_get(&lx->english, first) : NULL;
		if (!p || (first[0] == first[1]))
			continue;
		for (i = 0; i < n; i += unit)
			buf_adds(out, p);
		return 1;
	}
	return 0;
}

/* "night's", "girls'", "lovin'": an ending on a word. 1 if it was one. */
static int with_ending(const struct lexicon *lx, const char *w, struct buf *out)
{
	size_t n = strlen(w);
	char base[128];
	if (n < 3 || n >= sizeof base - 2)
		return 0;
	strcpy(base, w);
	if (w[n - 1] == '\'') {
		base[n - 1] = 0;
		if (n >= 5 && !strcmp(w + n - 3, "in'")) { /* singin' */
			strcpy(base + n - 1, "g");
			word_sound(lx, base, out);
			if (out->len >= 2 && !strcmp(out->data + out->len - 2, "ŋ")) {
				out->data[out->len -= 2] = 0;
				buf_addc(out, 'n');
			}
			return 1;
		}
		word_sound(lx, base, out);
		return 1;
	}
	if (strcmp(w + n - 2, "'s"))
		return 0;
	base[n - 2] = 0;
	const char *p = dictionary(lx, base);
	if (!p)
		return 0; /* espeak-ng knows what to do */
	buf_adds(out, p);
	size_t len = strlen(p);
	const char *last = p + len - 1;
	while (last > p && ((unsigned char)*last & 0xc0) == 0x80)
		last--;
	if (strstr("s z ʃ ʒ ʧ ʤ", last))
		buf_adds(out, "ɪz");
	else
		buf_adds(out, strstr("p t k f θ", last) ? "s" : "z");
	return 1;
}

/* One part of a word with hyphens. prev: the part before it, next: what follows, or "". */
static void part_sound(const struct lexicon *lx, const char *part, const char *next, int letters, struct buf *out)
{
	if (part[0] && !part[1] && part[0] >= 'a' && part[0] <= 'z') {
		if (letters) { /* "r-e-s-p-e-c-t", "x-ray" */
			buf_adds(out, "ˈ");
			buf_adds(out, phonemes_of_letter(part[0]));
			buf_addc(out, '.');
			return;
		}
		if (*next == part[0] && !is_vowel_letter(part[0])) { /* "b-b-baby" */
			hummed(part, out);
			return;
		}
	}
	word_sound(lx, part, out);
}

static void hyphenated(const struct lexicon *lx, const char *w, struct buf *out)
{
	char copy[256], *save, *parts[64];
	int n = 0, singles = 0;
	snprintf(copy, sizeof copy, "%s", w);
	for (char *p = strtok_r(copy, "-", &save); p && n < 64; p = strtok_r(NULL, "-", &save)) {
		parts[n++] = p;
		singles += !p[1];
	}
	for (int i = 0; i < n; i++) {
		const char *next = i + 1 < n ? parts[i + 1] : "";
		size_t len = i ? strlen(parts[i - 1]) : 0;
		/* "so-o-o": the vowel goes on */
		if (i && !parts[i][1] && is_vowel_letter(parts[i][0]) && parts[i - 1][len - 1] == parts[i][0] && out->len && singles < n) {
			int vowel, last_n = 0;
			const char *last = NULL;
			for (const char *p = out->data; *p;) {
				int k = phoneme_next(p, &vowel);
				if (vowel)
					last = p, last_n = k;
				p += k;
			}
			char copied[8] = "";
			if (last)
				memcpy(copied, last, (size_t)last_n);
			buf_adds(out, copied);
			continue;
		}
		part_sound(lx, parts[i], next, singles == n || (*next != parts[i][0] && *next), out);
	}
}

static void word_sound(const struct lexicon *lx, const char *w, struct buf *out)
{
	char shorter[256];
	const char *p = dictionary(lx, w);
	if (p) {
		buf_adds(out, p);
		return;
	}
	if (strchr(w, '-')) {
		hyphenated(lx, w, out);
		return;
	}
	if (with_ending(lx, w, out) || repeated(lx, w, out))
		return;
	shorter[0] = 0;
	if ((p = drawn_out(lx, w, shorter, sizeof shorter))) {
		buf_adds(out, p);
		return;
	}
	struct buf folded = buf_init(PRONUNCIATION_MAX_BYTES);
	text_fold(shorter[0] ? shorter : w, &folded);
	const char *f = buf_str(&folded);
	if (f[0] && !f[1] && f[0] >= 'a' && f[0] <= 'z') {
		buf_adds(out, "ˈ");
		buf_adds(out, phonemes_of_letter(f[0]));
	} else if (*f && !strpbrk(f, "aeiouy")) {
		hummed(f, out);
	} else if (*f) {
		/* Latin-1's letters are known to espeak-ng ("café"); others go without their marks. */
		int latin1 = 1;
		for (const char *q = w; *q; q++)
			latin1 &= (unsigned char)*q < 0x80 || (unsigned char)*q == 0xc3 || ((unsigned char)*q & 0xc0) == 0x80;
		espeak_word(latin1 && !shorter[0] ? w : f, out);
	}
	buf_release(&folded);
}

static const char *homograph(const struct lexicon *lx, const char *word, const char *prev, const char *next)
{
	const char *first = map_get(&lx->homograph_index, word);
	char padded[64];
	if (!first)
		return NULL;
	for (int i = atoi(first); i < lx->n_homographs && !strcmp(lx->homographs[i].word, word); i++) {
		const struct homograph *h = &lx->homographs[i];
		const char *beside = h->side == 'n' ? next : prev;
		snprintf(padded, sizeof padded, " %.60s ", beside ? beside : ".");
		if (strstr(h->words, padded))
			return h->phonemes;
	}
	return NULL;
}

static void spelt(const char *word, struct buf *out)
{
	size_t last = 0;
	for (size_t i = 0; word[i] && word[i] != '\''; i++)
		if (word[i] >= 'a' && word[i] <= 'z')
			last = i;
	for (size_t i = 0; word[i] && word[i] != '\''; i++) {
		if (word[i] >= 'a' && word[i] <= 'z') {
			buf_adds(out, i == last ? "ˈ" : "ˌ");
			buf_adds(out, phonemes_of_letter(word[i]));
			if (i != last)
				buf_addc(out, '.');
		}
	}
	if (strchr(word, '\''))
		buf_adds(out, "z");
}

int lexicon_pronounce(struct lexicon *lx, const char *word, const char *prev, const char *next, int spell, struct buf *out)
{
	const char *p = map_get(&lx->user, word);
	if (!p && spell) {
		spelt(word, out);
		return out->failed ? MADRIGAL_EMEMORY : 0;
	}
	if (!p)
		p = homograph(lx, word, prev, next);
	if (p) {
		buf_adds(out, p);
		return out->failed ? MADRIGAL_EMEMORY : 0;
	}
	pthread_mutex_lock(&espeak_lock);
	p = map_get(&lx->remembered, word);
	if (p) {
		buf_adds(out, p);
	} else {
		struct buf sound = buf_init(PRONUNCIATION_MAX_BYTES);
		word_sound(lx, word, &sound);
		if (phonemes_vowels(buf_str(&sound)) == 0)
			buf_adds(&sound, "ˈə");
		buf_adds(out, buf_str(&sound));
		if (sound.failed || (lx->remembered.n < REMEMBERED_MAX && map_put(&lx->remembered, &lx->remembered_arena, word, buf_str(&sound)) < 0))
			out->failed = MADRIGAL_EMEMORY;
		buf_release(&sound);
	}
	pthread_mutex_unlock(&espeak_lock);
	return out->failed ? MADRIGAL_EMEMORY : 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/phonemes.h"

#include <string.h>

struct pair {
	const char *from, *to;
};

/* espeak-ng's IPA for English; longer spellings before their beginnings. */
static const struct pair ipa_table[] = {
	{ "a͡ɪ", "I" }, { "a͡ʊ", "W" }, { "e͡ɪ", "A" }, { "o͡ʊ", "O" }, { "ɔ͡ɪ", "Y" }, { "t͡ʃ", "ʧ" }, { "d͡ʒ", "ʤ" },
	{ "aɪ", "I" }, { "aʊ", "W" }, { "eɪ", "A" }, { "oʊ", "O" }, { "əʊ", "O" }, { "ɔɪ", "Y" }, { "tʃ", "ʧ" }, { "dʒ", "ʤ" },
	{ "ɜːɹ", "ɜɹ" }, { "ɜː", "ɜɹ" }, { "ɜɹ", "ɜɹ" }, { "ɝɹ", "ɜɹ" }, { "ɝ", "ɜɹ" }, { "ɚɹ", "əɹ" }, { "ɚ", "əɹ" },
	{ "ʔn̩", "tən" }, { "n̩", "ən" }, { "l̩", "əl" }, { "m̩", "əm" }, { "ɹ̩", "əɹ" }, { "ᵊ", "ə" },
	{ "ɐ", "ə" }, { "ᵻ", "ɪ" }, { "ɨ", "ɪ" }, { "ɒ", "ɑ" }, { "a", "ɑ" }, { "o", "ɔ" }, { "e", "ɛ" }, { "y", "i" }, { "ø", "ɜ" }, { "œ", "ɜ" }, { "ɯ", "u" },
	{ "æ", "æ" }, { "ɑ", "ɑ" }, { "ɔ", "ɔ" }, { "ə", "ə" }, { "ɛ", "ɛ" }, { "ɜ", "ɜɹ" }, { "i", "i" }, { "ɪ", "ɪ" }, { "u", "u" }, { "ʊ", "ʊ" }, { "ʌ", "ʌ" },
	{ "A", "A" }, { "I", "I" }, { "O", "O" }, { "W", "W" }, { "Y", "Y" },
	{ "b", "b" }, { "d", "d" }, { "f", "f" }, { "h", "h" }, { "j", "j" }, { "k", "k" }, { "l", "l" }, { "m", "m" }, { "n", "n" }, { "p", "p" }, { "s", "s" }, { "t", "t" },
	{ "v", "v" }, { "w", "w" }, { "z", "z" }, { "ð", "ð" }, { "ŋ", "ŋ" }, { "ɡ", "ɡ" }, { "g", "ɡ" }, { "ɹ", "ɹ" }, { "r", "ɹ" }, { "ɾ", "ɾ" }, { "ʃ", "ʃ" }, { "ʒ", "ʒ" },
	{ "ʤ", "ʤ" }, { "ʧ", "ʧ" }, { "θ", "θ" }, { "ɬ", "l" }, { "ɫ", "l" }, { "x", "k" }, { "ç", "h" }, { "χ", "k" }, { "ʍ", "w" }, { "ɲ", "nj" }, { "ʔ", "t" },
	{ "ˈ", "ˈ" }, { "ˌ", "ˌ" }, { "ː", "" }, { "ˑ", "" }, { "̃", "" }, { "͡", "" }, { "ʰ", "" }, { "ʲ", "j" }, { "_", "" }, { " ", "" }, { ".", "" }, { "-", "" }, { "‍", "" },
};

static const struct pair arpabet_table[] = {
	{ "AA", "ɑ" }, { "AE", "æ" }, { "AH", "ʌ" }, { "AO", "ɔ" }, { "AW", "W" }, { "AY", "I" }, { "EH", "ɛ" }, { "ER", "ɜɹ" }, { "EY", "A" }, { "IH", "ɪ" }, { "IY", "i" },
	{ "OW", "O" }, { "OY", "Y" }, { "UH", "ʊ" }, { "UW", "u" }, { "B", "b" }, { "CH", "ʧ" }, { "D", "d" }, { "DH", "ð" }, { "DX", "ɾ" }, { "F", "f" }, { "G", "ɡ" },
	{ "HH", "h" }, { "JH", "ʤ" }, { "K", "k" }, { "L", "l" }, { "M", "m" }, { "N", "n" }, { "NG", "ŋ" }, { "P", "p" }, { "R", "ɹ" }, { "S", "s" }, { "SH", "ʃ" },
	{ "T", "t" }, { "TH", "θ" }, { "V", "v" }, { "W", "w" }, { "Y", "j" }, { "Z", "z" }, { "ZH", "ʒ" },
};

static const char *const letter_names[26] = {
	"A", "bi", "si", "di", "i", "ɛf", "ʤi", "Aʧ", "I", "ʤA", "kA", "ɛl", "ɛm", "ɛn", "O", "pi", "kju", "ɑɹ", "ɛs", "ti", "ju", "vi", "dʌbəlju", "ɛks", "wI", "zi",
};

/* What may begin an English syllable, beside single consonants. */
static const char *const onsets[] = {
	"bl", "bɹ", "bj", "dɹ", "dw", "dj", "fl", "fɹ", "fj", "hj", "hw", "kl", "kɹ", "kw", "kj", "mj", "pl", "pɹ", "pj", "sk", "sl", "sm", "sn", "sp", "sf",
	"st", "sw", "tɹ", "tw", "vj", "ɡl", "ɡɹ", "ɡw", "ʃɹ", "θɹ", "θw", "skɹ", "skw", "skj", "spl", "spɹ", "spj", "stɹ",
};

/* espeak-ng writes a centring glide before r and i where j is sung: "hiəɹoʊ", "mɪliən". How many bytes of p such a spelling
 * takes; *ret_to is what it becomes. */
static size_t smooth(const char *p, const char *before, const char **ret_to)
{
	static const struct pair glides[] = { { "iəɹ", "ɪɹ" }, { "ɪəɹ", "ɪɹ" } }, yods[] = { { "liən", "ljən" }, { "niən", "njən" } };
	int vowel = 0;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(glides[i].from);
		if (!strncmp(p, glides[i].from, n) && p[n] && (phoneme_next(p + n, &vowel), vowel || strchr("aeo", p[n]))) {
			*ret_to = glides[i].to;
			return n;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(yods[i].from);
		if (!strncmp(p, yods[i].from, n) && phonemes_vowels(before)) {
			*ret_to = yods[i].to;
			return n;
		}
	}
	return 0;
}

const char *phonemes_from_ipa(const char *ipa, int strict, struct buf *out)
{
	const char *to;
	while (*ipa) {
		size_t taken = strict ? 0 : smooth(ipa, buf_str(out), &to);
		if (taken) {
			buf_adds(out, to);
			ipa += taken;
			continue;
		}
		size_t i = 0, n = 0;
		for (; i < sizeof ipa_table / sizeof *ipa_table; i++) {
			n = strlen(ipa_table[i].from);
			if (!strncmp(ipa, ipa_table[i].from, n))
				break;
		}
		if (i < sizeof ipa_table / sizeof *ipa_table) {
			buf_adds(out, ipa_table[i].to);
			ipa += n;
		} else if (strict) {
			return ipa;
		} else {
			ipa++;
		}
	}
	return NULL;
}

const char *phonemes_from_arpabet(const char *s, struct buf *out)
{
	for (;;) {
		s += strspn(s, " \t");
		size_t n = strcspn(s, " \t"), k = n, i = 0;
		if (n == 0)
			return NULL;
		char stress = 0;
		if (s[n - 1] >= '0' && s[n - 1] <= '2')
			stress = s[--k];
		while (i < sizeof arpabet_table / sizeof *arpabet_table && (strlen(arpabet_table[i].from) != k || strncmp(arpabet_table[i].from, s, k)))
			i++;
		if (i == sizeof arpabet_table / sizeof *arpabet_table || (stress && i >= 15))
			return s;
		const char *to = arpabet_table[i].to;
		if (stress == '1')
			buf_adds(out, "ˈ");
		else if (stress == '2')
			buf_adds(out, "ˌ");
		else if (i == 2) /* AH and ER are shorter and duller without stress */
			to = "ə";
		else if (i == 7)
			to = "əɹ";
		buf_adds(out, to);
		s += n;
	}
}

const char *phonemes_of_letter(char letter)
{
	return letter_names[letter - 'a'];
}

static int char_bytes(const char *p)
{
	unsigned char c = (unsigned char)*p;
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

int phoneme_next(const char *p, int *ret_vowel)
{
	static const char vowels[] = "æɑɔəɛɜiɪuʊʌAIOWY";
	int n = char_bytes(p);
	*ret_vowel = 0;
	for (const char *v = vowels; *v; v += char_bytes(v))
		if (char_bytes(v) == n && !memcmp(v, p, (size_t)n))
			*ret_vowel = 1;
	return n;
}

int phonemes_vowels(const char *p)
{
	int count = 0, vowel;
	while (*p) {
		p += phoneme_next(p, &vowel);
		count += vowel;
	}
	return count;
}

static int may_begin(const char *cluster, size_t n, int sounds)
{
	if (sounds == 0)
		return 1;
	if (sounds == 1)
		return strncmp(cluster, "ŋ", 2) != 0;
	for (size_t i = 0; i < sizeof onsets / sizeof *onsets; i++)
		if (strlen(onsets[i]) == n && !memcmp(onsets[i], cluster, n))
			return 1;
	return 0;
}

/* Adds sound to a syllable's string, unless it would not fit: a cluster that long is noise. */
static void put(char *dst, const char *sound, int n)
{
	size_t len = strlen(dst);
	if (len + (size_t)n + 1 <= PHONEMES_MAX) {
		memcpy(dst + len, sound, (size_t)n);
		dst[len + (size_t)n] = 0;
	}
}

/* The consonants between two vowels, without stress marks. */
struct cluster {
	char text[PHONEMES_MAX * 2];
	int at[24], n, used; /* where each begins */
	int cut;             /* how many of them come before a '.', or -1 */
	enum stress stress;  /* of the vowel that follows */
};

/* Reads consonants and marks up to the next vowel or the end. */
static const char *read_cluster(const char *p, struct cluster *c)
{
	int vowel;
	*c = (struct cluster){ .cut = -1 };
	while (*p) {
		int n = phoneme_next(p, &vowel);
		if (vowel)
			break;
		if (*p == '.') {
			c->cut = c->n;
		} else if (!strncmp(p, "ˈ", 2)) {
			c->stress = STRESS_PRIMARY;
		} else if (!strncmp(p, "ˌ", 2)) {
			c->stress = STRESS_SECONDARY;
		} else if (c->n < 6) { /* no English cluster is longer */
			c->at[c->n++] = c->used;
			memcpy(c->text + c->used, p, (size_t)n);
			c->used += n;
		}
		p += n;
	}
	c->at[c->n] = c->used;
	return p;
}

int phonemes_split(const char *p, struct syllable *ret, int max)
{
	struct cluster c;
	int count = 0, vowel;
	p = read_cluster(p, &c);
	int begin = 0; /* the first sound of c that belongs to the coming syllable */
	while (*p && count < max) {
		struct syllable *s = &ret[count++];
		*s = (struct syllable){ .stress = c.stress };
		put(s->phonemes, c.text + c.at[begin], c.used - c.at[begin]);
		if (c.stress)
			put(s->phonemes, c.stress == STRESS_PRIMARY ? "ˈ" : "ˌ", 2);
		int n = phoneme_next(p, &vowel);
		put(s->phonemes, p, n);
		p = read_cluster(p + n, &c);
		begin = c.n;
		if (c.cut >= 0) {
			begin = c.cut;
		} else if (*p && count < max) {
			begin = 0;
			while (!may_begin(c.text + c.at[begin], (size_t)(c.used - c.at[begin]), c.n - begin))
				begin++;
		}
		put(s->phonemes, c.text, c.at[begin]);
		s->coda_consonants = begin;
	}
	return count;
}

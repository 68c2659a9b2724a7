/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/rng.h"
#include "words/lyrics.h"
#include "words/phonemes.h"

static struct lexicon *lx;

static int open_lexicon(void **state)
{
	(void)state;
	return lexicon_new(TEST_SHARE_DIR, NULL, &lx, NULL);
}

static int close_lexicon(void **state)
{
	(void)state;
	lexicon_free(lx);
	return 0;
}

static struct lyrics parse(const char *text)
{
	struct lyrics l;
	struct madrigal_error err;
	int rc = lyrics_parse(text, strlen(text), lx, 0, &l, &err);
	if (rc < 0)
		fail_msg("\"%s\": %s", text, err.message);
	return l;
}

static struct lyrics parse_file(const char *name, char **ret_text)
{
	char path[512];
	size_t n;
	snprintf(path, sizeof path, TEST_DATA_DIR "/lyrics/%s", name);
	assert_int_equal(file_read(path, 10000, ret_text, &n, NULL), 0);
	return parse(*ret_text);
}

/* Words as sung: spaces between words, " / " between lines, backing lines in (). */
static void words_of(const struct lyrics *l, struct buf *out)
{
	for (int i = 0; i < l->n_lines; i++) {
		const struct line *x = &l->lines[i];
		buf_adds(out, i ? x->backing ? " / (" : " / " : x->backing ? "(" : "");
		for (int w = 0; w < x->n_words; w++)
			buf_addf(out, "%s%s", w ? " " : "", l->words[x->first_word + w].text);
		buf_adds(out, x->backing ? ")" : "");
	}
}

/* Sections as "verse 1: 4, solo 1: 0". */
static void sections_of(const struct lyrics *l, struct buf *out)
{
	for (int i = 0; i < l->n_sections; i++)
		buf_addf(out, "%s%s %d: %d", i ? ", " : "", section_ids[l->sections[i].kind], l->sections[i].number, l->sections[i].n_lines);
}

/* Sounds: '.' between syllables, space between words. */
static void sounds_of(const struct lyrics *l, struct buf *out)
{
	for (int w = 0; w < l->n_words; w++)
		for (int s = 0; s < l->words[w].n_syllables; s++)
			buf_addf(out, "%s%s", s ? "." : w ? " " : "", l->syllables[l->words[w].first_syllable + s].phonemes);
}

struct example {
	const char *text, *want;
};

static void check_all(const struct example *e, int n, void (*show)(const struct lyrics *, struct buf *))
{
	int wrong = 0;
	for (int i = 0; i < n; i++) {
		struct lyrics l = parse(e[i].text);
		struct buf b = buf_init(1u << 16);
		show(&l, &b);
		if (strcmp(buf_str(&b), e[i].want)) {
			print_error("\"%s\"\n  gave  %s\n  not   %s\n", e[i].text, buf_str(&b), e[i].want);
			wrong++;
		}
		buf_release(&b);
		lyrics_release(&l);
	}
	assert_int_equal(wrong, 0);
}
#define CHECK_ALL(table, show) check_all(table, (int)(sizeof(table) / sizeof *(table)), show)

static void tags_are_understood_in_any_dress(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "[Intro]\n[Verse]\na\n[Verse 2]\nb\n[Pre Chorus]\nc\n[Chorus]\nd\n[Post Chorus]\ne\n[Hook]\nf\n[Bridge]\ng\n[Interlude]\n[Inst]\n[Solo]\n[Break]\n[Build Up]\n[Transition]\n[Outro]\nh",
			"intro 1: 0, verse 1: 1, verse 2: 1, pre_chorus 1: 1, chorus 1: 1, post_chorus 1: 1, hook 1: 1, bridge 1: 1, interlude 1: 0, inst 1: 0, solo 1: 0, break 1: 0, build_up 1: 0, transition 1: 0, outro 1: 1" },
		{ "[VERSE]\na\n[pre-chorus]\na\n[PreChorus]\na\n[pre_chorus]\na\n[ Chorus x2 ]\na\n[Verse: softly]\na", "verse 1: 1, pre_chorus 1: 1, pre_chorus 2: 1, pre_chorus 3: 1, chorus 1: 1, verse 2: 1" },
		{ "[Verse2]\na\n[Verse Three]\na\n[Verse IV]\na\n[Chorus 2]\na", "verse 2: 1, verse 3: 1, verse 4: 1, chorus 2: 1" },
		{ "[Instrumental]\n[Guitar Solo]\n[Intro - piano]\n[Instrumental Intro]\n[Middle 8]\na\n[Final Chorus]\na\n[Refrain]\na\n[Breakdown]\n[Coda]\n[Rap]\na", "inst 1: 0, solo 1: 0, intro 1: 0, intro 2: 0, bridge 1: 1, chorus 1: 1, chorus 2: 1, break 1: 0, outro 1: 0, verse 1: 1" },
		{ "**Verse 1**\na\n### Chorus\nb\nBridge:\nc\n(Outro)\nd\nVerse 3\ne", "verse 1: 1, chorus 1: 1, bridge 1: 1, outro 1: 1, verse 3: 1" },
		{ "[Verse] one two [Chorus] three four", "verse 1: 1, chorus 1: 1" },
		{ "Chorus: we sing\nHe said: go", "chorus 1: 2" },
		{ "hello there\n[Chorus]\nsing", "verse 1: 1, chorus 1: 1" },
		{ "[Verse 1\nhello there", "verse 1: 1" },
		{ "[Instrumental - 8 bars]\n[Verse 2 - 16 bars]\na [C] b [B] c", "inst 1: 0, verse 2: 1" },
	};
	CHECK_ALL(e, sections_of);
}

static void what_is_not_lyrics_is_not_sung(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "[Verse: softly, with strings]\nhello [Am] my [C#m7] friend\n[whispered, female voice]\nstay", "hello my friend / stay" },
		{ "sing it (x2)\nsing it x3\nsing it 2x\nsing it ×2\nsing it (repeat x2)", "sing it / sing it / sing it / sing it / sing it" },
		{ "(guitar solo)\nhello\n(Instrumental Break)\n*fade out*\nbye", "hello / bye" },
		{ "*hello* **my** _friend_ 🎉🎶 ♥ stay ✨", "hello my friend stay" },
		{ "Title: My Song\nGenre: pop\nhello", "hello" },
		{ "# My Song\nhello", "hello" },
		{ "hello :) my friend :(\n- dash\n> quote", "hello my friend / dash / quote" },
		{ "## hello ## my friend ##", "hello / my friend" },
	};
	CHECK_ALL(e, words_of);
}

static void parentheses_are_backing(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "(oh, the door)", "(oh the door)" },
		{ "I love you (love you) tonight (tonight)", "I love you tonight / (love you) / (tonight)" },
		{ "(Hey) you there", "(Hey) / you there" },
		{ "(ooh ooh\naah)\nstay", "(ooh ooh) / (aah) / stay" },
		{ "never (closed\n\nstay", "never closed / stay" },
		{ "one two ( ) three four () five", "one two / three four / five" },
	};
	CHECK_ALL(e, words_of);
}

static void characters_are_normalised(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "\xef\xbb\xbfhello\r\nthere\rfriend", "hello / there / friend" },
		{ "hello\\nthere\\r\\nfriend", "hello / there / friend" },
		{ "don’t “say” it…\tforever—me", "don't say it forever me" },
		{ "ｆｕｌｌ ﬁne 𝓗𝓮𝓵𝓵𝓸 Ⓐ b\xc2\xa0" "c\xe2\x80\x8b", "full fine Hello A b c" },
		{ "Café naïve über piñata", "Café naïve über piñata" },
		{ "wait--what -- yes - no,maybe...so", "wait what yes no maybe so" },
		{ "She said 'hello there' and the girls' night, ol' man o' war", "She said hello there and the girls' night ol' man o' war" },
		{ "'Cause I'm singin' rock 'n' roll 'til dawn", "'Cause I'm singin' rock 'n' roll 'til dawn" },
		{ "and/or well-known \"quoted\" word.'", "and or well-known quoted word" },
	};
	CHECK_ALL(e, words_of);
}

static void numbers_are_read_aloud(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "in 1984 and 2010, 1905, 1900, 2000, 2007", "in nineteen eighty four and twenty ten nineteen oh five nineteen hundred two thousand two thousand seven" },
		{ "1st 2nd 3rd 12th 20th 21st 100th", "first second third twelfth twentieth twenty first one hundredth" },
		{ "3.5 miles, 0.25", "three point five miles zero point two five" },
		{ "$5 $1 $5.50 $2 million $3k €10 £1", "five dollars one dollar five dollars and fifty cents two million dollars three thousand dollars ten euros one pound" },
		{ "50% of 1,000,000", "fifty percent of one million" },
		{ "10:30 7:00 7:05 10pm", "ten thirty seven o'clock seven oh five ten P M" },
		{ "the 80s, '90s, 1990s, 2000s", "the eighties nineties nineteen nineties two thousands" },
		{ "4th of July on 12/24", "fourth of July on December twenty fourth" },
		{ "2024-05-01", "May first twenty twenty four" },
		{ "24/7 and 1/2 ½ 3/4", "twenty four seven and one half one half three quarters" },
		{ "call 867-5309", "call eight six seven five three oh nine" },
		{ "U2 and MP3, B4 me", "U two and MP three before me" },
		{ "0 13 99 110 1001 -5", "zero thirteen ninety nine one hundred ten one thousand one minus five" },
		{ "'84 was #1, No. 2 was 007", "eighty four was number one Number two was double oh seven" },
		{ "90° & 5 + 6 @ home", "ninety degrees and five and six at home" },
		{ "9-to-5, 20-20, 1914–1918", "nine to five twenty twenty nineteen fourteen nineteen eighteen" },
		{ "99999999999999999999", "nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine" },
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++) { /* where such a line is broken is another test's affair */
		struct lyrics l = parse(e[i].text);
		struct buf b = buf_init(4096);
		for (int w = 0; w < l.n_words; w++)
			buf_addf(&b, "%s%s", w ? " " : "", l.words[w].text);
		assert_string_equal(buf_str(&b), e[i].want);
		buf_release(&b);
		lyrics_release(&l);
	}
}

static void abbreviations_and_acronyms_are_spoken_out(void **state)
{
	(void)state;
	static const struct example words[] = {
		{ "Mr. Jones, Mrs. Smith, Dr. No", "Mister Jones Missus Smith Doctor No" },
		{ "Main St. is near St. Mary", "Main Street is near Saint Mary" },
		{ "you vs. me etc. U.S.A. w/ love", "you versus me et cetera USA with love" },
		{ "4ever 2nite", "forever tonight" },
	};
	static const struct example sounds[] = {
		{ "my USA TV", "mI jˌu.ˌɛs.ˈA tˌi.vˈi" },
		{ "two DJs", "tˈu dˌi.ʤˈAz" },
		{ "STAND UP NOW", "stˈænd ˈʌp nˈW" },
		{ "I LOVE you", "I lˈʌv ju" },
		{ "SHH HMM", "ʃˈʌ hˈʌm" },
		{ "a day of plan A", "ə dˈA ʌv plˈæn ˈA" },
		{ "R-E-S-P-E-C-T", "ˈɑɹ.ˈi.ˈɛs.pˈi.ˈi.sˈi.tˈi" },
	};
	CHECK_ALL(words, words_of);
	CHECK_ALL(sounds, sounds_of);
}

static void words_have_their_sounds(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "Streetlights", "stɹˈit.lIts" },
		{ "wooden button", "wˈʊ.dən bˈʌ.tən" },
		{ "the door, the hour, a day", "ðə dˈɔɹ ði ˈW.əɹ ə dˈA" },
		{ "I live for live music", "I lˈɪv fɔɹ lˈIv mjˈu.zɪk" },
		{ "tear me apart, a tear", "tˈɛɹ mi ə.pˈɑɹt ə tˈɪɹ" },
		{ "singin' gonna 'cause", "sˈɪŋ.ɪn ɡˈɑ.nə kʌz" },
		{ "sooooo ooooh ohhhh yeahhh whoaaa nooo looove goood", "sˈO ˈu ˈO jˈæ wˈO nˈO lˈʌv ɡˈʊd" },
		{ "la na lalala hahaha", "lˈɑ nˈɑ lˈɑ.lˈɑ.lˈɑ hˈɑ.hˈɑ.hˈɑ" },
		{ "mmm hmm shh brrr tsk", "ˈʌm hˈʌm ʃˈʌ bˈɜɹ tˈəsk" },
		{ "so-o-o b-b-baby", "sˈO.O.O bˈə.bˈə.bˈA.bi" },
		{ "million hero every different fire", "mˈɪl.jən hˈɪ.ɹO ˈɛv.ɹi dˈɪ.fɹənt fˈI.əɹ" },
		{ "hallelujah forever tonight", "hˌæ.lə.lˈu.jə fə.ɹˈɛ.vəɹ tə.nˈIt" },
		{ "café naïve", "kə.fˈA nI.ˈiv" },
		{ "I'm don't we've they're", "Im dˈOnt wiv ðɛɹ" },
	};
	CHECK_ALL(e, sounds_of);
}

/* Every sound belongs to the voice's alphabet, every syllable has one vowel with its stress mark before it. */
static void check_syllables(const struct lyrics *l)
{
	static const char alphabet[] = "æɑɔəɛɜiɪuʊʌAIOWYbdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ";
	for (int i = 0; i < l->n_syllables; i++) {
		const struct syllable *s = &l->syllables[i];
		int vowels = 0, coda = 0, mark = 0, vowel;
		for (const char *p = s->phonemes; *p;) {
			char one[5] = "";
			int n = phoneme_next(p, &vowel);
			memcpy(one, p, (size_t)n);
			if (!strcmp(one, "ˈ") || !strcmp(one, "ˌ")) {
				mark = !strcmp(one, "ˈ") ? STRESS_PRIMARY : STRESS_SECONDARY;
				phoneme_next(p + n, &vowel);
				assert_true(vowel);
			} else {
				assert_non_null(strstr(alphabet, one));
				vowels += vowel;
				coda += vowels && !vowel;
			}
			p += n;
		}
		assert_int_equal(vowels, 1);
		assert_int_equal(mark, s->stress);
		assert_int_equal(coda, s->coda_consonants);
		assert_true(s->word >= 0 && s->word < l->n_words);
	}
}

static void check_structure(const struct lyrics *l)
{
	int line = 0, word = 0, syllable = 0;
	for (int i = 0; i < l->n_sections; i++) {
		assert_int_equal(l->sections[i].first_line, line);
		line += l->sections[i].n_lines;
	}
	assert_int_equal(line, l->n_lines);
	for (int i = 0; i < l->n_lines; i++) {
		int count = 0;
		assert_int_equal(l->lines[i].first_word, word);
		for (int w = 0; w < l->lines[i].n_words; w++, word++) {
			assert_int_equal(l->words[word].line, i);
			assert_int_equal(l->words[word].first_syllable, syllable);
			syllable += l->words[word].n_syllables;
			count += l->words[word].n_syllables;
		}
		assert_true(count <= LYRICS_MAX_LINE_SYLLABLES);
	}
	assert_int_equal(word, l->n_words);
	assert_int_equal(syllable, l->n_syllables);
	check_syllables(l);
}

static void untagged_lyrics_find_their_form(void **state)
{
	(void)state;
	struct buf b = buf_init(4096);
	char *text;
	struct lyrics l = parse_file("untagged.txt", &text);
	sections_of(&l, &b);
	assert_string_equal(buf_str(&b), "verse 1: 4, chorus 1: 4, verse 2: 4, chorus 2: 4, bridge 1: 2, chorus 3: 4");
	assert_int_equal(l.tagged, 0);
	assert_string_equal(l.sections[2].name, "Verse 2");
	assert_int_equal(l.sections[3].same_as, 1);
	assert_int_equal(l.lines[12].same_as, 4);
	assert_string_equal(l.title, "So turn it up");
	check_structure(&l);
	lyrics_release(&l);
	buf_release(&b);
	free(text);
	static const struct example e[] = {
		{ "one\ntwo", "verse 1: 2" },
		{ "a\nb\nc\nd\ne\nf\ng\nh\ni\nj", "verse 1: 4, verse 2: 6" },
		{ "a\n\nb\n\nc\n\nd", "verse 1: 4" },
		{ "##\na\nb\n##", "intro 1: 0, verse 1: 2, outro 1: 0" },
		{ "##a\nb\n##\nc\nd##", "intro 1: 0, verse 1: 2, interlude 1: 0, verse 2: 2, outro 1: 0" },
		{ "##\n##\n[Intro]\n[Verse]\na\n##\n[Solo]\n[Outro]\n##", "intro 1: 0, verse 1: 1, solo 1: 0, outro 1: 0" },
	};
	CHECK_ALL(e, sections_of);
}

static void kinds_are(const char *text, const char *kinds, const char *title)
{
	struct lyrics l;
	char found[64] = "";
	struct madrigal_error err;
	if (lyrics_parse(text, strlen(text), lx, 0, &l, &err))
		fail_msg("%s", err.message);
	for (int i = 0; i < l.n_sections && i < 60; i++)
		found[i] = l.sections[i].kind == SECTION_CHORUS ? 'C' : l.sections[i].kind == SECTION_BRIDGE ? 'B' : 'V';
	assert_string_equal(found, kinds);
	assert_string_equal(l.title, title);
	lyrics_release(&l);
}

static void repeated_lines_make_the_chorus(void **state)
{
	(void)state;
#define VERSE_1 "Down by the harbour the gulls are asleep\nNets in the moonlight and secrets to keep\nLanterns are burning on every pier\nNobody told me you still would be here\n"
#define VERSE_2 "Up on the hillside the windows are black\nRoads that go over and never come back\nSeven tall chimneys and none of them smoke\nOnly the echo of jokes that we spoke\n"
#define VERSE_3 "Winter has taken the leaves from the lane\nBells in the village are ringing again\nTeach me the letters you wrote on the wall\nSpell me a reason for any at all\n"
#define VERSE_4 "Morning arrives like a guest at the door\nSpilling its silver all over the floor\nCoffee and newspapers, bread and a plum\nSomewhere a drummer is beating his drum\n"
#define RETURNS "Carry me home\nCarry me over the water\nCarry me home\n"
	/* Without blank lines too. */
	kinds_are(VERSE_1 RETURNS VERSE_2 RETURNS VERSE_3 RETURNS, "VCVCBC", "Carry me home");
	kinds_are(VERSE_1 "\n" RETURNS "\n" VERSE_2 "\n" RETURNS, "VCVC", "Carry me home");
	/* No chorus: AABA, but not where a refrain makes all stanzas one. */
	kinds_are(VERSE_1 "\n" VERSE_2 "\n" VERSE_3 "\n" VERSE_4, "VVBV", "Down by the harbour the gulls are asleep");
	kinds_are(VERSE_1 "And the river runs on\n\n" VERSE_2 "And the river runs on\n\n" VERSE_3 "And the river runs on\n\n" VERSE_4 "And the river runs on\n",
	          "VVVV", "And the river runs on");
	/* Lines that begin alike do not make every stanza a chorus. */
	kinds_are("We are the rain in the night\nWe are the stone in the light\n\nWe are the road in the night\nWe are the hand in the light\n\n"
	          "We are the bird in the night\nWe are the tree in the light\n", "VVV", "We are the rain in the night");
}

static void marks_and_pauses_count(void **state)
{
	(void)state;
	char *text;
	struct lyrics l = parse_file("marks.txt", &text);
	struct buf b = buf_init(4096);
	sections_of(&l, &b);
	assert_string_equal(buf_str(&b), "intro 1: 0, verse 1: 4, interlude 1: 0, verse 2: 2, outro 1: 0");
	assert_int_equal(l.lines[0].pause_before, 0);
	assert_int_equal(l.lines[1].pause_before, 1);
	assert_int_equal(l.lines[4].pause_before, 0);
	assert_int_equal(l.lines[0].rhyme, l.lines[1].rhyme);
	assert_int_equal(l.lines[0].punct, ',');
	assert_int_equal(l.lines[5].punct, '!');
	check_structure(&l);
	lyrics_release(&l);
	buf_release(&b);
	free(text);
}

static void a_tagged_song_is_read_whole(void **state)
{
	(void)state;
	char *text;
	struct lyrics l = parse_file("tagged.txt", &text);
	struct buf b = buf_init(4096);
	sections_of(&l, &b);
	assert_string_equal(buf_str(&b), "intro 1: 0, verse 1: 4, pre_chorus 1: 2, chorus 1: 5, verse 2: 4, chorus 2: 5, solo 1: 0, bridge 1: 2, outro 1: 2");
	assert_int_equal(l.tagged, 1);
	assert_string_equal(l.sections[1].name, "Verse 1");
	assert_string_equal(l.sections[3].name, "Chorus");
	assert_int_equal(l.sections[5].same_as, 3);
	assert_int_equal(l.sections[4].same_as, -1);
	assert_string_equal(l.lines[0].text, "Rain is drumming on the garden wall");
	assert_int_equal(l.lines[0].rhyme, 0);
	assert_int_equal(l.lines[1].rhyme, 0);
	assert_int_equal(l.lines[2].rhyme, 1);
	assert_int_equal(l.lines[3].rhyme, 1);
	assert_int_equal(l.lines[5].backing, 1);
	assert_string_equal(l.title, "Oh, bring me back to harbor");
	assert_int_equal(l.words[0].content, 1);
	assert_int_equal(l.words[1].content, 0);
	check_structure(&l);
	lyrics_release(&l);
	buf_release(&b);
	free(text);
}

static void joined_lines_are_parted_where_they_began(void **state)
{
	(void)state;
	char *text;
	struct lyrics l = parse_file("joined.txt", &text);
	struct buf b = buf_init(4096);
	words_of(&l, &b);
	assert_string_equal(buf_str(&b), "Copper kettles sing at dawn / The baker hums along / Flour on his apron strings / And sugar in his song / "
	                                 "Rise rise little loaf of gold rise before the street is cold");
	check_structure(&l);
	lyrics_release(&l);
	buf_release(&b);
	free(text);
}

static int line_syllables(const struct lyrics *l, int i)
{
	int n = 0;
	for (int w = 0; w < l->lines[i].n_words; w++)
		n += l->words[l->lines[i].first_word + w].n_syllables;
	return n;
}

static void endless_lines_are_broken_for_breath(void **state)
{
	(void)state;
	struct buf b = buf_init(4096);
	for (int i = 0; i < 50; i++)
		buf_adds(&b, i % 7 == 6 ? "under heavy water, " : "silver rivers ");
	struct lyrics l = parse(buf_str(&b));
	assert_true(l.n_syllables >= 200);
	for (int i = 0; i < l.n_lines; i++)
		assert_in_range(line_syllables(&l, i), 6, 16);
	check_structure(&l);
	lyrics_release(&l);
	buf_clear(&b);
	for (int i = 0; i < 500; i++)
		buf_adds(&b, "la-la-");
	l = parse(buf_str(&b));
	assert_int_equal(l.n_syllables, 1000);
	check_structure(&l);
	lyrics_release(&l);
	buf_release(&b);
	l = parse("I walked along the river with a lantern in my hand and I never found the door");
	assert_string_equal(l.lines[0].text, "I walked along the river with a lantern in my hand");
	lyrics_release(&l);
}

struct refusal {
	const char *text;
	size_t len; /* 0: strlen */
	const char *says;
};

static void what_cannot_be_sung_is_refused_in_words(void **state)
{
	(void)state;
	static const struct refusal e[] = {
		{ "", 0, "empty" }, { " \n\t\n", 0, "empty" }, { "[Verse]\n[Chorus]\n", 0, "only section tags" }, { "!!! ... 🎉", 0, "no words" },
		{ "fine\nstill fine\nab\xff" "cd", 0, "line 3 of the lyrics is not UTF-8" }, { "cut \xe2\x80", 0, "not UTF-8" }, { "\xc0\x80", 0, "not UTF-8" }, { "\xed\xa0\x80", 0, "not UTF-8" },
		{ "a\0b", 3, "not a text file" }, { "\x7f" "ELF\x02", 0, "not a text file" }, { "\xff\xfe" "a", 0, "UTF-16" },
		{ "hi\n\nпривет", 0, "Cyrillic letters (line 3)" }, { "αγάπη", 0, "Greek" }, { "שלום", 0, "Hebrew" }, { "مرحبا", 0, "Arabic" }, { "नमस्ते", 0, "Devanagari" },
		{ "สวัสดี", 0, "Thai" }, { "你好", 0, "Han" }, { "こんにちは", 0, "Hiragana" }, { "カラオケ", 0, "Katakana" }, { "안녕", 0, "Hangul" }, { "გამარჯობა", 0, "Georgian" },
		{ "வணக்கம்", 0, "Tamil" },
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++) {
		struct lyrics l = { .n_words = -7 };
		struct madrigal_error err;
		assert_int_equal(lyrics_parse(e[i].text, e[i].len ? e[i].len : strlen(e[i].text), lx, 0, &l, &err), MADRIGAL_ELYRICS);
		if (!strstr(err.message, e[i].says))
			fail_msg("\"%s\" was refused with \"%s\", without \"%s\"", e[i].text, err.message, e[i].says);
		assert_int_equal(l.n_words, -7);
	}
}

static void length_is_limited_by_characters(void **state)
{
	(void)state;
	struct buf b = buf_init(20000);
	struct lyrics l;
	struct madrigal_error err;
	for (int i = 0; i < 600; i++)
		buf_adds(&b, "très ");
	assert_int_equal(lyrics_parse(b.data, b.len, lx, 0, &l, &err), 0);
	assert_int_equal(l.n_words, 600);
	lyrics_release(&l);
	buf_addc(&b, 'x');
	assert_int_equal(lyrics_parse(b.data, b.len, lx, 0, &l, &err), MADRIGAL_ELYRICS);
	assert_non_null(strstr(err.message, "3000"));
	buf_release(&b);
}

static void instrumentals_need_no_words(void **state)
{
	(void)state;
	struct lyrics l;
	assert_int_equal(lyrics_parse("[Intro]\n[Solo]\n", 15, lx, 1, &l, NULL), 0);
	assert_int_equal(l.n_sections, 2);
	assert_int_equal(l.n_words, 0);
	assert_string_equal(l.title, "");
	lyrics_release(&l);
	assert_int_equal(lyrics_parse("", 0, lx, 1, &l, NULL), 0);
	assert_int_equal(l.n_sections, 0);
	lyrics_release(&l);
	l = parse("Stay");
	assert_int_equal(l.n_words, 1);
	assert_string_equal(l.title, "Stay");
	lyrics_release(&l);
}

static void titles_come_from_the_lyrics(void **state)
{
	(void)state;
	static const struct example e[] = {
		{ "Title: Paper Boats\nhello", "Paper Boats" }, { "# Paper Boats\nhello", "Paper Boats" },
		{ "[Verse]\nIn the beginning\n[Chorus]\nhold on\nlet it go\nlet it go", "let it go" },
		{ "one two three four five six seven eight nine ten", "one two three four five six seven eight" },
		{ "(ooh)\nfirst line, and more.", "first line, and more" },
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++) {
		struct lyrics l = parse(e[i].text);
		assert_string_equal(l.title, e[i].want);
		lyrics_release(&l);
	}
}

static void rhymes_are_heard_not_spelt(void **state)
{
	(void)state;
	struct lyrics l = parse("I know the night\nWe fly a kite\nbeyond the through\nthe sky is blue\nan orange\nyou are mine\nrunning out of time");
	assert_true(l.lines[0].rhyme >= 0 && l.lines[0].rhyme == l.lines[1].rhyme);
	assert_true(l.lines[2].rhyme >= 0 && l.lines[2].rhyme == l.lines[3].rhyme);
	assert_true(l.lines[0].rhyme != l.lines[2].rhyme);
	lyrics_release(&l);
}

static void source_words_are_marked(void **state)
{
	(void)state;
	struct lyrics l = parse("In 1984, $5!");
	static const int starts[] = { 1, 1, 0, 0, 1, 0 };
	assert_int_equal(l.n_words, 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(l.words[i].starts_source, starts[i]);
	assert_int_equal(l.words[3].punct, ',');
	assert_int_equal(l.words[2].punct, 0);
	assert_int_equal(l.lines[0].punct, '!');
	assert_string_equal(l.lines[0].text, "In 1984, $5!");
	lyrics_release(&l);
}

/* Words of any text come back each once and in order, whatever lines, tags and punctuation stand between them. */
static void no_word_is_lost_or_doubled(void **state)
{
	(void)state;
	static const char *const stock[] = { "love", "River", "don't", "the", "a", "I", "singing", "forever", "Mary", "well-known", "oooh", "yeah", "café", "of", "to", "night's", "ain't", "mountain", "LOUD", "x" };
	static const char *const between[] = { " ", " ", " ", " ", " ", ", ", ". ", "! ", "? ", "; ", " - ", "—", "...", "\n", "\n", "\n\n", "\n[Verse]\n", "\n[Chorus]\n", " [Am] ", "\n##\n", " 🎵 ", "\r\n", "\\n", "\" \"" };
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct rng r = rng_stream(seed, "words", 0);
		struct buf text = buf_init(10000), want = buf_init(10000), got = buf_init(10000);
		int n = 1 + (int)rng_below(&r, 150);
		for (int i = 0; i < n; i++) {
			const char *w = stock[rng_below(&r, sizeof stock / sizeof *stock)];
			buf_addf(&text, "%s%s", w, between[rng_below(&r, sizeof between / sizeof *between)]);
			buf_addf(&want, "%s ", w);
		}
		struct lyrics l = parse(buf_str(&text));
		for (int i = 0; i < l.n_words; i++)
			buf_addf(&got, "%s ", l.words[i].text);
		if (strcmp(buf_str(&got), buf_str(&want)))
			print_error("seed %d: %s\n", (int)seed, buf_str(&text));
		assert_string_equal(buf_str(&got), buf_str(&want));
		check_structure(&l);
		lyrics_release(&l);
		buf_release(&text);
		buf_release(&want);
		buf_release(&got);
	}
}

static void a_user_dictionary_goes_first(void **state)
{
	(void)state;
	struct lexicon *own;
	struct madrigal_error err;
	struct lyrics l;
	struct buf b = buf_init(1000);
	assert_int_equal(lexicon_new(TEST_SHARE_DIR, TEST_DATA_DIR "/lyrics/good.dict", &own, &err), 0);
	assert_int_equal(lyrics_parse("Madrigal ZOË read", 18, own, 0, &l, &err), 0);
	sounds_of(&l, &b);
	assert_string_equal(buf_str(&b), "mˈæ.dɹɪ.ɡəl zˈO.i ɹˈɛd");
	lyrics_release(&l);
	lexicon_free(own);
	buf_release(&b);
	static const struct example e[] = {
		{ "bad_arpabet.dict", "bad_arpabet.dict:2: \"QQ1\"" }, { "bad_ipa.dict", "bad_ipa.dict:3: \"7\"" }, { "no_vowel.dict", "no_vowel.dict:1: the pronunciation of \"hush\" has no vowel" },
		{ "no_sound.dict", "no_sound.dict:1: \"lonely\" has no pronunciation" },
	};
	for (size_t i = 0; i < sizeof e / sizeof *e; i++) {
		char path[512];
		snprintf(path, sizeof path, TEST_DATA_DIR "/lyrics/%s", e[i].text);
		assert_int_equal(lexicon_new(TEST_SHARE_DIR, path, &own, &err), MADRIGAL_ELYRICS);
		if (!strstr(err.message, e[i].want))
			fail_msg("%s", err.message);
	}
	assert_int_equal(lexicon_new(TEST_SHARE_DIR, TEST_DATA_DIR "/lyrics/none.dict", &own, &err), MADRIGAL_EIO);
	assert_int_equal(lexicon_new(TEST_DATA_DIR, NULL, &own, &err), MADRIGAL_EIO);
}

/* How a word's syllables agree with what people say: bit 0, as many syllables as some way of saying it; bit 1, the same main stress. */
static int agrees(const char *patterns, const struct lyrics *l)
{
	int result = 0;
	for (const char *p = patterns; *p;) {
		int n = (int)strcspn(p, " "), main_stress = -1, ours = -1;
		for (int i = n - 1; i >= 0; i--)
			main_stress = p[i] == '1' ? i : main_stress;
		for (int i = l->n_syllables - 1; i >= 0; i--)
			ours = l->syllables[i].stress == STRESS_PRIMARY ? i : ours;
		if (n == l->n_syllables)
			result |= 1 | (n == 1 || ours == main_stress ? 2 : 0);
		p += n + (p[n] == ' ');
	}
	return result;
}

static void syllables_are_those_that_people_say(void **state)
{
	(void)state;
	char *data, *save;
	size_t n;
	int words = 0, counts = 0, stresses = 0;
	assert_int_equal(file_read(TEST_DATA_DIR "/lyrics/syllables.txt", 1u << 20, &data, &n, NULL), 0);
	for (char *line = strtok_r(data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *patterns = strchr(line, ' ');
		if (*line == '#' || !patterns)
			continue;
		*patterns++ = 0;
		struct lyrics l = parse(line);
		int how = agrees(patterns, &l);
		words++;
		counts += how & 1;
		stresses += how >> 1;
		lyrics_release(&l);
	}
	free(data);
	print_message("%d words: %.2f %% with the syllables that people say, %.2f %% with their stress too\n", words, 100.0 * counts / words, 100.0 * stresses / words);
	assert_int_equal(words, 3000);
	assert_true(counts >= 2970);
	assert_true(stresses >= 2940);
}

static void the_same_text_gives_the_same_sounds(void **state)
{
	(void)state;
	char *text;
	struct buf a = buf_init(1u << 16), b = buf_init(1u << 16);
	struct lyrics l = parse_file("tagged.txt", &text);
	sounds_of(&l, &a);
	lyrics_release(&l);
	l = parse("entirely other words, remembered meanwhile");
	lyrics_release(&l);
	l = parse(text);
	sounds_of(&l, &b);
	lyrics_release(&l);
	assert_string_equal(buf_str(&a), buf_str(&b));
	buf_release(&a);
	buf_release(&b);
	free(text);
}

static void a_lexicon_can_be_opened_again(void **state)
{
	(void)state;
	lexicon_free(lx);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lexicon_new(TEST_SHARE_DIR, NULL, &lx, NULL), 0);
		if (i < 2)
			lexicon_free(lx);
	}
	struct lyrics l = parse("hello");
	assert_int_equal(l.n_syllables, 2);
	lyrics_release(&l);
	lexicon_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_understood_in_any_dress), cmocka_unit_test(what_is_not_lyrics_is_not_sung), cmocka_unit_test(parentheses_are_backing),
		cmocka_unit_test(characters_are_normalised), cmocka_unit_test(numbers_are_read_aloud), cmocka_unit_test(abbreviations_and_acronyms_are_spoken_out),
		cmocka_unit_test(words_have_their_sounds), cmocka_unit_test(untagged_lyrics_find_their_form), cmocka_unit_test(repeated_lines_make_the_chorus), cmocka_unit_test(marks_and_pauses_count),
		cmocka_unit_test(a_tagged_song_is_read_whole), cmocka_unit_test(joined_lines_are_parted_where_they_began), cmocka_unit_test(endless_lines_are_broken_for_breath),
		cmocka_unit_test(what_cannot_be_sung_is_refused_in_words), cmocka_unit_test(length_is_limited_by_characters), cmocka_unit_test(instrumentals_need_no_words),
		cmocka_unit_test(titles_come_from_the_lyrics), cmocka_unit_test(rhymes_are_heard_not_spelt), cmocka_unit_test(source_words_are_marked),
		cmocka_unit_test(no_word_is_lost_or_doubled), cmocka_unit_test(a_user_dictionary_goes_first), cmocka_unit_test(syllables_are_those_that_people_say),
		cmocka_unit_test(the_same_text_gives_the_same_sounds), cmocka_unit_test(a_lexicon_can_be_opened_again),
	};
	return cmocka_run_group_tests(tests, open_lexicon, close_lexicon);
}

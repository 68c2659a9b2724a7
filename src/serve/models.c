/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Figures from the two APIs' own documents (AI/ML API's OpenAPI files of 2026-08, MiniMax's pages of music-01 to music-3.0 and its clients); where those disagree the more generous one holds. */
#include "serve/models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define SONG_MIN_S 10
/* Of MP3 below 32 kHz (MPEG-2, ISO 13818-3): what asks for more, or for nothing, has the most there is. */
#define LOW_RATE_BITRATE_MAX 160000

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
#define TAGS "Lines parted by \\n, a blank line is a pause, ## opens and closes an accompaniment. Tags in brackets on a line of their own: [Intro] [Verse] [Pre Chorus] [Chorus] " \
             "[Hook] [Bridge] [Interlude] [Inst] [Solo] [Break] [Build Up] [Transition] [Outro]."

#define REQUIRED_TEXT(name, min, max, doc) { name, FIELD_STRING, FIELD_REQUIRED, min, max, NULL, NULL, doc }
#define TEXT(name, min, max, doc) { name, FIELD_STRING, 0, min, max, NULL, NULL, doc }
#define FLAG(name, doc) { name, FIELD_BOOLEAN, 0, 0, 0, NULL, "false", doc }
#define MODEL { "model", FIELD_STRING, FIELD_REQUIRED, 1, 0, NULL, NULL, "The model's id" }
#define SEED { "seed", FIELD_INTEGER, 0, 0, 9007199254740991.0, NULL, NULL, "The same seed and request make the same song. Madrigal's own; any model takes it" }
/* Both spellings of the sample rate are documented, at different times. */
#define AUDIO \
	{ "audio_setting", FIELD_OBJECT, 0, 0, 0, NULL, NULL, "The sound file" }, \
	{ "audio_setting.sample_rate", FIELD_INTEGER, 0, 0, 0, "16000|24000|32000|44100", "44100", "Hz" }, \
	{ "audio_setting.audio_sample_rate", FIELD_INTEGER, 0, 0, 0, "16000|24000|32000|44100", "44100", "Another name of sample_rate" }, \
	{ "audio_setting.bitrate", FIELD_INTEGER, 0, 0, 0, "32000|64000|128000|256000", "256000", "Of MP3, bits a second; below 32 kHz at most 160000 are made" }, \
	{ "audio_setting.format", FIELD_STRING, 0, 0, 0, "mp3|wav|pcm", "mp3", "pcm: 16 bits, little-endian, interleaved, without a header" }
#define OWN \
	SEED, \
	TEXT("title", 0, 200, "Madrigal's own: the song's title; otherwise its first line"), \
	TEXT("style", 0, 63, "Madrigal's own: a style by name; otherwise the prompt decides"), \
	TEXT("voice", 0, 63, "Madrigal's own: a singer by name"), \
	TEXT("key", 0, 31, "Madrigal's own: \"A minor\""), \
	{ "tempo", FIELD_NUMBER, 0, 40, 240, NULL, NULL, "Madrigal's own: beats a minute" }, \
	{ "duration", FIELD_NUMBER, 0, SONG_MIN_S, 300, NULL, NULL, "Madrigal's own: seconds, met to the bar" }, \
	{ "stems", FIELD_BOOLEAN, 0, 0, 0, NULL, "false", "Madrigal's own: keep every part's track as well" }
#define REFERENCE(flags, doc) { "reference_audio_url", FIELD_URL, flags, 1, 0, NULL, NULL, doc }
/* A cover's reference may be an address or Base64 text. */
#define COVER_REFERENCE { "reference_audio_url", FIELD_STRING, FIELD_REQUIRED, 1, 0, NULL, NULL, "An address, or the file in Base64: 6 s to 6 minutes, 50 MB at most" }
#define COVER_LYRICS TAGS " Needed: the original's words are not heard."
#define COVER_FLAG FLAG("is_instrumental", "No singer; lyrics are not needed. Madrigal's own for covers")

static const struct field aiml_legacy[] = {
	MODEL, REQUIRED_TEXT("prompt", 1, 600, "The lyrics. " TAGS), REFERENCE(FIELD_REQUIRED, "A WAV or MP3 file longer than 15 s, with music and singing"), AUDIO, OWN,
};
static const struct field aiml_15[] = { MODEL, REQUIRED_TEXT("prompt", 10, 300, "Style, mood, instruments, singer"), REQUIRED_TEXT("lyrics", 10, 3000, TAGS), AUDIO, OWN };
static const struct field aiml_20[] = { MODEL, REQUIRED_TEXT("prompt", 10, 2000, "Style, mood, instruments, singer"), REQUIRED_TEXT("lyrics", 10, 3000, TAGS), AUDIO, OWN };
static const struct field aiml_26[] = {
	MODEL, TEXT("prompt", 0, 2000, "Style, mood, instruments, singer"), TEXT("lyrics", 0, 3000, TAGS),
	FLAG("lyrics_optimizer", "Taken; lyrics are sung as they are, and needed: Madrigal writes none"), FLAG("is_instrumental", "No singer; lyrics are not needed"), AUDIO, OWN,
};
static const struct field aiml_cover[] = {
	MODEL, REQUIRED_TEXT("prompt", 10, 2000, "The cover's style"), COVER_REFERENCE, TEXT("lyrics", 10, 3000, COVER_LYRICS), COVER_FLAG, AUDIO, OWN,
};
static const struct field stable_audio[] = {
	MODEL, REQUIRED_TEXT("prompt", 1, 2000, "What the music is like"),
	{ "seconds_start", FIELD_INTEGER, 0, 1, 47, NULL, NULL, "Taken and not used" },
	{ "seconds_total", FIELD_INTEGER, 0, 1, 47, NULL, "30", "Length, met to the bar; at least 10 s are made" },
	{ "steps", FIELD_INTEGER, 0, 1, 1000, NULL, "100", "Taken and not used" }, AUDIO, OWN,
};
static const struct field lyria[] = {
	MODEL, REQUIRED_TEXT("prompt", 1, 2000, "What the music is like"), TEXT("negative_prompt", 0, 2000, "What it should be without"), AUDIO, OWN,
};
static const struct field eleven[] = {
	MODEL, REQUIRED_TEXT("prompt", 1, 2000, "What the music is like"), { "music_length_ms", FIELD_INTEGER, 0, 10000, 300000, NULL, "10000", "Length, met to the bar" }, AUDIO, OWN,
};
static const struct field music_01[] = {
	MODEL, TEXT("lyrics", 1, 600, TAGS " At most a minute of song."),
	TEXT("refer_voice", 1, 63, "A voice_id from the upload"), TEXT("refer_instrumental", 1, 63, "An instrumental_id from the upload"),
	TEXT("refer_vocal", 1, 63, "A voice_id whose timbre is taken; needs the other two and lyrics"),
	{ "output_format", FIELD_STRING, 0, 0, 0, "hex|url", "hex", "How the sound comes back" }, AUDIO, OWN,
};

#define CHANNEL { "audio_setting.channel", FIELD_INTEGER, 0, 0, 0, "1|2", "2", "Mono or stereo" }
#define MINIMAX_OUT \
	{ "stream", FIELD_BOOLEAN, 0, 0, 0, NULL, "false", "Server-sent events with pieces of sound as they are mixed" }, \
	{ "output_format", FIELD_STRING, 0, 0, 0, "hex|url", "hex", "How the sound comes back; an address is good for 24 h; a stream is hex" }, \
	{ "aigc_watermark", FIELD_BOOLEAN, 0, 0, 0, NULL, "false", "Taken; nothing is added to the sound" }, AUDIO, CHANNEL, OWN

static const struct field minimax_01[] = {
	MODEL, TEXT("prompt", 0, 2000, "Style"), TEXT("lyrics", 0, 600, TAGS), TEXT("refer_voice", 1, 63, "A voice_id from the upload"),
	TEXT("refer_instrumental", 1, 63, "An instrumental_id from the upload"), TEXT("refer_vocal", 1, 63, "A voice_id whose timbre is taken; needs the other two and lyrics"), MINIMAX_OUT,
};
static const struct field minimax_15[] = { MODEL, REQUIRED_TEXT("prompt", 10, 300, "Style, mood, instruments, singer"), REQUIRED_TEXT("lyrics", 10, 3000, TAGS), MINIMAX_OUT };
static const struct field minimax_20[] = { MODEL, REQUIRED_TEXT("prompt", 10, 2000, "Style, mood, instruments, singer"), REQUIRED_TEXT("lyrics", 10, 3000, TAGS), MINIMAX_OUT };
static const struct field minimax_25[] = {
	MODEL, TEXT("prompt", 0, 2000, "Style, mood, instruments, singer"), TEXT("lyrics", 0, 3500, TAGS),
	FLAG("lyrics_optimizer", "Taken; lyrics are sung as they are, and needed: Madrigal writes none"), FLAG("is_instrumental", "No singer; lyrics are not needed"), MINIMAX_OUT,
};
static const struct field minimax_cover[] = {
	MODEL, REQUIRED_TEXT("prompt", 10, 2000, "The cover's style"), TEXT("lyrics", 10, 3000, COVER_LYRICS), COVER_FLAG,
	TEXT("audio_url", 1, 2048, "The original's address"), TEXT("audio_base64", 1, 0, "The original's file in Base64"),
	TEXT("cover_feature_id", 1, 63, "From /v1/music_cover_preprocess, at most 24 h old"), MINIMAX_OUT,
};

static const struct field own_song[] = {
	TEXT("model", 1, 63, "madrigal"), TEXT("prompt", 0, 2000, "Style, mood, instruments, singer, tempo, key"), TEXT("lyrics", 0, 3000, TAGS),
	FLAG("is_instrumental", "No singer; lyrics are not needed"), TEXT("time_signature", 1, 7, "\"4/4\", \"3/4\", \"6/8\""), REFERENCE(0, "A song to take after"), AUDIO, CHANNEL, OWN,
};

#define F(table) table, LENGTH(table)

const struct model models[] = {
	{ API_AIML, "minimax-music", "minimax/minimax-music", KIND_REFERENCE, 63000, F(aiml_legacy), 0, "MiniMax Music", "MiniMax", "A song from lyrics and a reference track" },
	{ API_AIML, "minimax/music-1.5", "music-1.5", KIND_SONG, 78000, F(aiml_15), 0, "MiniMax Music 1.5", "MiniMax", "A song from lyrics and a line of style" },
	{ API_AIML, "minimax/music-2.0", "music-2.0", KIND_SONG, 78000, F(aiml_20), 0, "MiniMax Music 2.0", "MiniMax", "A song from lyrics and a line of style" },
	{ API_AIML, "minimax/music-2.6", "music-2.6", KIND_SONG, 390000, F(aiml_26), 1, "MiniMax Music 2.6", "MiniMax", "A song from lyrics and a line of style, or an instrumental" },
	{ API_AIML, "minimax/music-cover", "music-cover", KIND_COVER, 78000, F(aiml_cover), 1, "MiniMax Music Cover", "MiniMax", "A cover of a reference song" },
	{ API_AIML, "stable-audio", NULL, KIND_INSTRUMENTAL, 25200, F(stable_audio), 0, "Stable Audio", "Stability AI", "An instrumental from a line of style" },
	{ API_AIML, "google/lyria2", "lyria2", KIND_INSTRUMENTAL, 78000, F(lyria), 0, "Lyria 2", "Google", "An instrumental from a line of style" },
	{ API_AIML, "elevenlabs/eleven_music", "eleven_music", KIND_INSTRUMENTAL, 78000, F(eleven), 0, "Eleven Music", "ElevenLabs", "An instrumental from a line of style" },
	{ API_AIML_01, "music-01", "minimax/music-01", KIND_MUSIC_01, 63000, F(music_01), 0, "MiniMax Music 01", "MiniMax", "A song of a minute after an uploaded voice or accompaniment" },
	{ API_MINIMAX, "music-01", NULL, KIND_MUSIC_01, 63000, F(minimax_01), 0, "Music 01", "MiniMax", "A song of a minute after an uploaded voice or accompaniment" },
	{ API_MINIMAX, "music-1.5", NULL, KIND_SONG, 60000, F(minimax_15), 0, "Music 1.5", "MiniMax", "A song from lyrics and a line of style" },
	{ API_MINIMAX, "music-2.0", NULL, KIND_SONG, 60000, F(minimax_20), 0, "Music 2.0", "MiniMax", "A song from lyrics and a line of style" },
	{ API_MINIMAX, "music-2.5", NULL, KIND_SONG, 300000, F(minimax_25), 1, "Music 2.5", "MiniMax", "A song from lyrics and a line of style" },
	{ API_MINIMAX, "music-2.5+", NULL, KIND_SONG, 300000, F(minimax_25), 1, "Music 2.5+", "MiniMax", "A song from lyrics and a line of style, or an instrumental" },
	{ API_MINIMAX, "music-2.6", "music-2.6-free", KIND_SONG, 300000, F(minimax_25), 1, "Music 2.6", "MiniMax", "A song from lyrics and a line of style, or an instrumental" },
	{ API_MINIMAX, "music-3.0", "music-3.0-free", KIND_SONG, 300000, F(minimax_25), 1, "Music 3.0", "MiniMax", "A song from lyrics and a line of style, or an instrumental" },
	{ API_MINIMAX, "music-cover", "music-cover-free", KIND_COVER, 300000, F(minimax_cover), 1, "Music Cover", "MiniMax", "A cover of a reference song" },
	{ API_OWN, "madrigal", NULL, KIND_SONG, 60000, F(own_song), 1, "Madrigal", "Madrigal", "A song from lyrics and a line of style, with stems and score" },
};
const int n_models = LENGTH(models);

const struct model *model_find(enum api_family f, const char *id)
{
	for (int i = 0; i < n_models; i++)
		if (models[i].family == f && (!strcmp(models[i].id, id) || (models[i].alias && !strcmp(models[i].alias, id))))
			return &models[i];
	return NULL;
}

char *model_ids(enum api_family f)
{
	struct buf b = buf_init(4096);
	for (int i = 0; i < n_models; i++)
		if (models[i].family == f)
			buf_addf(&b, "%s%s", b.len ? "|" : "", models[i].id);
	return b.data;
}

/* ---- from a body to a song ---- */

static int has(const json_t *body, const char *name)
{
	return *param_string(body, name) != 0;
}

/* What one row cannot say: fields that need or exclude each other. */
static void check_together(const struct model *m, const json_t *body, struct issues *is)
{
	int instrumental = param_true(body, "is_instrumental");
	if (m->may_be_instrumental && !instrumental && !has(body, "lyrics"))
		issue_add(is, "invalid_type", "lyrics", "Required");
	if (m->may_be_instrumental && instrumental && !has(body, "prompt"))
		issue_add(is, "invalid_type", "prompt", "Required");
	if (param_true(body, "stream") && !strcmp(param_string(body, "output_format"), "url"))
		issue_add(is, "custom", "output_format", "A stream is hex, not url");
	if (m->kind == KIND_MUSIC_01) {
		if (!has(body, "refer_voice") && !has(body, "refer_instrumental"))
			issue_add(is, "custom", "refer_voice", "refer_voice or refer_instrumental is required");
		if (!has(body, "lyrics") && (has(body, "refer_voice") || m->family == API_AIML_01))
			issue_add(is, "invalid_type", "lyrics", "Required");
		if (has(body, "refer_vocal") && (!has(body, "refer_voice") || !has(body, "refer_instrumental")))
			issue_add(is, "custom", "refer_vocal", "refer_vocal needs refer_voice and refer_instrumental");
	}
	if (m->kind == KIND_COVER && m->family == API_MINIMAX) {
		int n = has(body, "audio_url") + has(body, "audio_base64") + has(body, "cover_feature_id");
		if (n != 1)
			issue_add(is, "custom", "audio_url", "exactly one of audio_url, audio_base64, cover_feature_id is required");
	}
}

static int copy(char **to, const char *text, struct madrigal_error *err)
{
	if (!*text)
		return 0;
	*to = strdup(text);
	return *to ? 0 : err_nomem(err);
}

static int field_of(const struct model *m, const char *name)
{
	for (int i = 0; i < m->n_fields; i++)
		if (!strcmp(m->fields[i].name, name))
			return 1;
	return 0;
}

static int copy_texts(const struct model *m, const json_t *body, struct song_request *r, struct madrigal_error *err)
{
	/* The legacy model's prompt is the lyrics. */
	int rc = copy(m->kind == KIND_REFERENCE ? &r->lyrics : &r->prompt, param_string(body, "prompt"), err);
	if (!rc && m->kind != KIND_REFERENCE && m->kind != KIND_INSTRUMENTAL)
		rc = copy(&r->lyrics, param_string(body, "lyrics"), err);
	const struct { const char *name; char **to; } own[] = { { "title", &r->title }, { "style", &r->style }, { "voice", &r->voice }, { "key", &r->key },
	        { "time_signature", &r->time_signature }, { "reference_audio_url", m->kind == KIND_COVER ? NULL : &r->reference_url } };
	for (int i = 0; !rc && i < LENGTH(own); i++)
		if (own[i].to && field_of(m, own[i].name))
			rc = copy(own[i].to, param_string(body, own[i].name), err);
	const char *without = param_string(body, "negative_prompt");
	if (!rc && *without) {
		struct buf b = buf_init(8192);
		buf_addf(&b, "%s, without %s", r->prompt ? r->prompt : "", without);
		free(r->prompt);
		r->prompt = b.data;
		rc = b.failed ? err_nomem(err) : 0;
	}
	return rc;
}

int model_read(const struct model *m, const json_t *body, struct issues *is, struct song_request *ret, struct madrigal_error *err)
{
	params_check(body, m->fields, m->n_fields, is);
	if (!issues_any(is))
		check_together(m, body, is);
	if (issues_any(is))
		return 1;
	struct song_request r = song_request_default();
	int rc = copy_texts(m, body, &r, err);
	r.instrumental = m->kind == KIND_INSTRUMENTAL || (m->may_be_instrumental && param_true(body, "is_instrumental")) ||
	                 (m->kind == KIND_MUSIC_01 && !has(body, "lyrics"));
	if (m->kind == KIND_MUSIC_01)
		r.max_duration_s = 60;
	r.duration_s = param_number(body, "duration", 0);
	if (m->fields == stable_audio && r.duration_s == 0)
		r.duration_s = fmax(SONG_MIN_S, param_number(body, "seconds_total", 30));
	if (m->fields == eleven && r.duration_s == 0)
		r.duration_s = param_number(body, "music_length_ms", 10000) / 1000;
	r.tempo_bpm = param_number(body, "tempo", 0);
	r.sample_rate = (int)param_integer(body, "audio_setting.sample_rate", param_integer(body, "audio_setting.audio_sample_rate", 44100));
	r.bitrate = (int)param_integer(body, "audio_setting.bitrate", 256000);
	r.channels = (int)param_integer(body, "audio_setting.channel", 2);
	r.stems = param_true(body, "stems");
	r.stream = param_true(body, "stream");
	const char *format = param_string(body, "audio_setting.format");
	snprintf(r.format, sizeof r.format, "%s", *format ? format : "mp3");
	if (r.sample_rate < 32000 && r.bitrate > LOW_RATE_BITRATE_MAX)
		r.bitrate = LOW_RATE_BITRATE_MAX;
	if (m->kind == KIND_REFERENCE) {
		r.reference_min_s = 15;
		r.reference_max_s = 600;
	} else if (m->kind == KIND_COVER) {
		r.reference_min_s = 6;
		r.reference_max_s = 360;
	}
	if (rc) {
		song_request_release(&r);
		return rc;
	}
	*ret = r;
	return 0;
}

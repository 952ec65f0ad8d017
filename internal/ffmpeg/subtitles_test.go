package ffmpeg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matinee/internal/ffmpeg"
	"matinee/internal/testenv"
	"matinee/internal/video"
)

// textFiles are subtitles and chapters for muxing.
func textFiles(t *testing.T) (srt, ass, meta string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"en.srt": "1\n00:00:00,200 --> 00:00:00,600\n<i>Hello</i>\n",
		"de.ass": "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n" +
			"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:00.30,0:00:00.70,Default,,0,0,0,,Guten Tag\n",
		"meta.txt": ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=Morning\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Evening\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "en.srt"), filepath.Join(dir, "de.ass"), filepath.Join(dir, "meta.txt")
}

func TestExtract(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	srt, ass, meta := textFiles(t)
	inputs := []string{"-i", srt, "-i", ass, "-i", srt, "-i", meta, "-map", "0:v", "-map", "1:a", "-map", "2", "-map", "3", "-map", "4", "-map_metadata", "5", "-c:v", "mpeg4"}
	tags := []string{"-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger", "-metadata:s:s:2", "language=eng", "-disposition:s:2", "forced"}
	for name, codec := range map[string]string{"a b%20.mkv": "copy", "-i.mp4": "mov_text"} {
		t.Run(name, func(t *testing.T) {
			path := film(t, name, append(append(inputs, "-c:s", codec), tags...)...)
			work := t.TempDir()
			got, err := ffmpeg.Extractor{Root: filepath.Dir(path)}.Extract(t.Context(), name, work)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Chapters) != 2 || got.Chapters[1] != (video.Chapter{At: 500 * time.Millisecond, Title: "Evening"}) {
				t.Errorf("chapters %+v", got.Chapters)
			}
			if len(got.Subtitles) != 2 {
				t.Fatalf("subtitles %+v", got.Subtitles)
			}
			for i, want := range []struct{ lang, time, text string }{{"eng", "00:00.20", "Hello"}, {"ger", "00:00.30", "Guten Tag"}} {
				s := got.Subtitles[i]
				data, err := os.ReadFile(filepath.Join(work, s.File))
				if text := string(data); err != nil || s.Lang != want.lang || !strings.Contains(text, want.time) || !strings.Contains(text, want.text) {
					t.Errorf("%s: %s", s.Lang, text)
				}
			}
		})
	}
}

func TestExtractNothing(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	path := film(t, "plain.mkv", "-c:v", "mpeg4")
	if got, err := (ffmpeg.Extractor{Root: filepath.Dir(path)}).Extract(t.Context(), "plain.mkv", t.TempDir()); err != nil || len(got.Subtitles)+len(got.Chapters) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (ffmpeg.Extractor{}).Extract(t.Context(), path, ""); !errors.Is(err, video.ErrNoProgram) || !errors.Is(err, ffmpeg.ErrMissing) {
		t.Errorf("without ffprobe: %v", err)
	}
}

// What is wrong with the file can be told from what is wrong today.
func TestExtractFails(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	srt, _, _ := textFiles(t)
	path := film(t, "film.mkv", "-i", srt, "-map", "0:v", "-map", "2", "-c:v", "mpeg4")
	for text, refused := range map[string]bool{
		`echo "file:film.mkv: Invalid data found" >&2; exit 1`:     true,
		`echo "file:0.vtt: No space left on device" >&2; exit 1`:   false,
		`echo "out of memory: Cannot allocate memory" >&2; exit 1`: false,
		`kill -9 $$`:                    false,
		`trap '' TERM; sleep 60 & wait`: false,
	} {
		cli := ffmpeg.CLI{FFmpeg: script(t, text)}
		ctx := t.Context()
		if strings.Contains(text, "sleep") {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Second)
			defer cancel()
		}
		_, err := ffmpeg.Extractor{CLI: cli, Root: filepath.Dir(path)}.Extract(ctx, "film.mkv", t.TempDir())
		if _, ok := errors.AsType[*video.Refused](err); err == nil || ok != refused {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// script writes a program and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	testenv.Unix(t)
	path := filepath.Join(t.TempDir(), "transcribe.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTranscribe(t *testing.T) {
	// Arguments are data: none of these is read by a shell.
	program := script(t, `printf '1\n00:00:01,000 --> 00:00:02,000\n%s\n' "$1 $2" >"$3.srt"`)
	work := t.TempDir()
	tr := ffmpeg.Transcriber{Command: []string{"./transcribe.sh", "{input}", "$(id); `id`", "{output}"}, Root: filepath.Dir(program)}
	name, err := tr.Transcribe(t.Context(), "films/a b.mp4", work, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(work, name))
	if want := filepath.Join(filepath.Dir(program), "films", "a b.mp4") + " $(id); `id`"; err != nil || name != "captions.srt" || !strings.Contains(string(data), want) {
		t.Errorf("%s: %q %v, want %s", name, data, err, want)
	}
	other := tr
	other.Command = append(append([]string{}, tr.Command...), "more")
	if tr.Key() == other.Key() {
		t.Error("two commands have one key")
	}
}

func TestTranscribeFails(t *testing.T) {
	for text, want := range map[string]string{
		"echo loading >&2; echo 'model: not found' >&2; exit 3": "transcribe.sh: model: not found",
		"exit 3": "transcribe.sh: exit status 3",
		"true":   "it ended well, but wrote no file {output}.vtt",
	} {
		tr := ffmpeg.Transcriber{Command: []string{script(t, text)}}
		if _, err := tr.Transcribe(t.Context(), "a.mp4", t.TempDir(), time.Minute); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	hung := ffmpeg.Transcriber{Command: []string{script(t, "sleep 60 & wait")}}
	if _, err := hung.Transcribe(t.Context(), "a.mp4", t.TempDir(), 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "not done within") {
		t.Errorf("hung: %v", err)
	}
	if _, err := (ffmpeg.Transcriber{Command: []string{"no-such-program"}}).Transcribe(t.Context(), "a.mp4", t.TempDir(), time.Minute); !errors.Is(err, ffmpeg.ErrMissing) {
		t.Errorf("missing: %v", err)
	}
}

func TestTranscribeSound(t *testing.T) {
	testenv.Program(t, "ffmpeg")
	path := film(t, "talk.mkv", "-c:v", "mpeg4")
	program := script(t, `head -c 4 "$1" >"$2"`)
	work := t.TempDir()
	name, err := (ffmpeg.Transcriber{Command: []string{program, "{audio}", "{output}"}, Root: filepath.Dir(path)}).Transcribe(t.Context(), "talk.mkv", work, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(work, name)); err != nil || string(data) != "RIFF" {
		t.Errorf("%q %v", data, err)
	}
}

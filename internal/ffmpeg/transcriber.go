package ffmpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"matinee/internal/video"
)

// A Transcriber is a program of the user's own that writes captions. It is no program of FFmpeg, but it is started here,
// because this is where programs are started: without a shell, with a time limit, in a process group of its own.
type Transcriber struct {
	// Command is the program and its arguments. In these, {input} is the film, {audio} its first sound as a WAV file of
	// 16 kHz in one channel, which FFmpeg makes, and {output} the file to write, to which the program adds .vtt, .srt or
	// .ass or nothing. A program whose name has a slash in it is looked for from Root.
	Command []string
	CLI     CLI
	Root    string // folder that the paths of films start from
}

var _ video.Transcriber = Transcriber{}

// Key is the command.
func (t Transcriber) Key() string {
	key, err := json.Marshal(t.Command)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(key)
}

// Transcribe runs the program. Its error is the last line the program wrote to standard error.
func (t Transcriber) Transcribe(ctx context.Context, path, dir string, limit time.Duration) (string, error) {
	root, err := filepath.Abs(t.Root)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	input, audio, output := filepath.Join(root, filepath.FromSlash(path)), filepath.Join(dir, "audio.wav"), filepath.Join(dir, "captions")
	if slices.ContainsFunc(t.Command, func(arg string) bool { return strings.Contains(arg, "{audio}") }) {
		if err := t.sound(ctx, input, audio); err != nil {
			return "", err
		}
	}
	places := strings.NewReplacer("{input}", input, "{audio}", audio, "{output}", output)
	args := make([]string, 0, len(t.Command))
	for _, arg := range t.Command[1:] {
		args = append(args, places.Replace(arg))
	}
	program := t.Command[0]
	if filepath.Base(program) != program && !filepath.IsAbs(program) {
		program = filepath.Join(root, filepath.FromSlash(program))
	}
	if err := t.start(ctx, limit, program, args); err != nil {
		return "", err
	}
	return written(output)
}

// sound makes the WAV file.
func (t Transcriber) sound(ctx context.Context, film, audio string) error {
	return t.CLI.within(extractLimit).convert(ctx, film, "-map", "0:a:0", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", "-f", "wav", fileURL(audio))
}

func (t Transcriber) start(ctx context.Context, limit time.Duration, program string, args []string) error {
	name := filepath.Base(program)
	path, err := lookup(name, program)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit.Round(time.Minute)))
	defer cancel()
	var stderr tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	cmd.WaitDelay = patience
	ownGroup(cmd)
	err = t.CLI.runTied(cmd, name)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", name, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%s: %s", name, lastLine(string(stderr), err))
	}
	return nil
}

// lastLine is what a program said last.
func lastLine(stderr string, err error) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		last = err.Error()
	}
	return printable(last)
}

// written finds what was written for output, and returns the name of the file.
func written(output string) (string, error) {
	for _, ext := range []string{".vtt", ".srt", ".ass", ".ssa"} {
		if info, err := os.Stat(output + ext); err == nil && info.Mode().IsRegular() {
			return filepath.Base(output) + ext, nil
		}
	}
	if err := os.Rename(output, output+".srt"); err != nil { // WebVTT is recognised in it too
		return "", errors.New("it ended well, but wrote no file {output}.vtt, {output}.srt or {output}.ass")
	}
	return filepath.Base(output) + ".srt", nil
}

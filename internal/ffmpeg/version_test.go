package ffmpeg_test

import (
	"errors"
	"testing"

	"matinee/internal/ffmpeg"
	"matinee/internal/testenv"
)

func TestVersion(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	ours, err := ffmpeg.CLI{}.Version(t.Context(), "ffmpeg")
	if err != nil || ours == "" {
		t.Errorf("%q, %v", ours, err)
	}
	theirs, err := ffmpeg.CLI{}.Version(t.Context(), "ffprobe")
	if err != nil || theirs != ours {
		t.Errorf("ffprobe is %q and ffmpeg %q, %v", theirs, ours, err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (ffmpeg.CLI{}).Version(t.Context(), "ffmpeg"); !errors.Is(err, ffmpeg.ErrMissing) {
		t.Errorf("without ffmpeg: %v", err)
	}
}

package ffmpeg

import (
	"fmt"
	"slices"
	"testing"
)

func TestLadder(t *testing.T) {
	for _, test := range []struct {
		film    size
		heights []int
		copied  bool
		want    string
	}{
		{size{1920, 1080}, nil, false, "[1920x1080 1280x720 854x480 640x360 426x240]"},
		{size{1920, 1080}, nil, true, "[1280x720 854x480 640x360 426x240]"},
		{size{1080, 1920}, nil, false, "[1080x1920 720x1280 480x854 360x640 240x426]"},
		{size{3840, 2160}, nil, false, "[1920x1080 1280x720 854x480 640x360 426x240]"},
		{size{1920, 800}, nil, false, "[1920x800 1152x480 864x360 576x240]"}, // 720 lines would be nearly as many
		{size{640, 480}, nil, false, "[640x480 480x360 320x240]"},
		{size{320, 180}, nil, false, "[320x180]"},
		{size{321, 181}, nil, false, "[320x180]"},
		{size{2, 2}, nil, false, "[2x2]"},
		{size{1, 1}, nil, false, "[2x2]"},
		{size{16384, 2}, nil, false, "[16384x2]"},
		{size{5760, 1080}, nil, false, "[3448x646 2560x480 1920x360 1280x240]"}, // level 4.2 has room for no more
		{size{1920, 1080}, []int{480, 720}, false, "[1280x720 854x480]"},
		{size{1280, 720}, []int{1080, 480}, false, "[1280x720 854x480]"},
		{size{1280, 720}, []int{1080, 480}, true, "[854x480]"},
		{size{3840, 2160}, []int{2160, 1080}, false, "[3840x2160 1920x1080]"},
		{size{1280, 720}, []int{700, 690}, false, "[1244x700 1226x690]"}, // who asks for it gets it
	} {
		var got []string
		for _, s := range ladder(test.film, test.heights, test.copied) {
			got = append(got, fmt.Sprintf("%dx%d", s.width, s.height))
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%v, %v, copied %v: %v, want %s", test.film, test.heights, test.copied, got, test.want)
		}
	}
}

// The bit rates of the ladder are near those that Apple recommends.
func TestCaps(t *testing.T) {
	for want, r := range map[int]rung{
		6000: {width: 1920, height: 1080}, 3000: {width: 1280, height: 720}, 2000: {width: 960, height: 540},
		730: {width: 640, height: 360}, 365: {width: 416, height: 234},
	} {
		if got := r.cap(30); got < want*85/100 || got > want*115/100 {
			t.Errorf("%v: %d kbit/s, want about %d", r, got, want)
		}
	}
	hd := rung{width: 1920, height: 1080}
	if got := hd.cap(60); got < 7500 || got > 8100 {
		t.Errorf("%v at 60 pictures per second: %d kbit/s", hd, got)
	}
}

func TestWorth(t *testing.T) {
	for _, test := range []struct {
		rates []int
		want  []bool
	}{
		{[]int{5000e3, 2800e3, 1400e3, 700e3, 380e3}, []bool{true, true, true, true, true}},
		{[]int{5000e3, 3500e3, 1400e3, 700e3, 380e3}, []bool{true, false, true, true, true}}, // 720 lines save little
		{[]int{5000e3, 3500e3, 3100e3, 2900e3, 1000e3}, []bool{true, false, false, true, true}},
		{[]int{390e3, 200e3, 100e3, 50e3, 20e3}, []bool{true, false, false, false, false}}, // fits every line
		{[]int{900e3, 390e3, 200e3}, []bool{true, true, false}},                            // the second does
		{nil, []bool{}},
	} {
		if got := worth(test.rates); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.rates, got, test.want)
		}
	}
}

func TestThreads(t *testing.T) {
	five := []rung{{width: 1920, height: 1080}, {width: 1280, height: 720}, {width: 960, height: 540}, {width: 640, height: 360}, {width: 416, height: 234}}
	for _, test := range []struct {
		ladder     []rung
		processors int
		want       []int
	}{
		{five, 1, []int{1, 1, 1, 1, 1}},
		{five, 2, []int{2, 1, 1, 1, 1}},
		{five, 8, []int{6, 3, 2, 1, 1}},
		{five, 32, []int{26, 12, 6, 3, 1}},
		{five[:1], 8, []int{12}}, // as x264 chooses itself
	} {
		var got []int
		for i := range test.ladder {
			got = append(got, threads(test.ladder, i, test.processors))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%d rungs on %d processors: %v, want %v", len(test.ladder), test.processors, got, test.want)
		}
	}
}

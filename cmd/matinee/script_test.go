package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"matinee/internal/aws/s3/s3test"
	"matinee/internal/testenv"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"matinee": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			code := run(ctx, env{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}, os.Args[1:])
			stop()
			os.Exit(code)
		},
		"truncate": truncateFile,
		"escape":   writeEscaped,
		"copytree": copyTree,
		"sametree": sameTree,
	})
}

// TestScript runs the scripts of testdata/script: each is a site, commands and what they must say and leave behind.
// $FILMS is the folder of the demo site's clips, $CLIP one of them.
func TestScript(t *testing.T) {
	films, err := filepath.Abs("../../content")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Cmds:      s3Commands,
		Condition: has,
		Setup: func(env *testscript.Env) error {
			env.Setenv("FILMS", films)
			env.Setenv("CLIP", "pendulums.mp4")
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// has is the condition [has:PROGRAM] of scripts. Where everything has to be tested, it is an error that it does not hold.
func has(name string) (bool, error) {
	program, ok := strings.CutPrefix(name, "has:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	_, err := s3test.Find(s3test.Program(program))
	if err != nil && !testenv.CI() {
		return false, nil
	}
	return err == nil, err
}

// truncateFile is the script command "truncate FILE PERCENT": it keeps the first part of a file.
func truncateFile() {
	var percent int64
	if _, err := fmt.Sscan(os.Args[2], &percent); err != nil {
		panic(err)
	}
	info, err := os.Stat(os.Args[1])
	if err == nil {
		err = os.Truncate(os.Args[1], info.Size()*percent/100)
	}
	if err != nil {
		panic(err)
	}
}

// writeEscaped is the script command "escape FILE TEXT": it writes a text with Go's escapes ("\xff", "\r\n") resolved,
// for bytes that a script cannot hold.
func writeEscaped() {
	text, err := strconv.Unquote(`"` + os.Args[2] + `"`)
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(text), 0o666)
	}
	if err != nil {
		panic(err)
	}
}

// copyTree is the script command "copytree FROM TO".
func copyTree() {
	if err := os.CopyFS(os.Args[2], os.DirFS(os.Args[1])); err != nil {
		panic(err)
	}
}

// sameTree is the script command "sametree A B": it fails unless both folders have the same files with the same bytes.
func sameTree() {
	a, b := readTree(os.Args[1]), readTree(os.Args[2])
	if len(a) == 0 || !maps.Equal(a, b) {
		for name := range a {
			if a[name] != b[name] {
				fmt.Fprintln(os.Stderr, "differs:", name)
			}
		}
		fmt.Fprintf(os.Stderr, "%d and %d files\n", len(a), len(b))
		os.Exit(1)
	}
}

// readTree is the digest of every file of a folder.
func readTree(dir string) map[string][32]byte {
	files := map[string][32]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		panic(err)
	}
	return files
}

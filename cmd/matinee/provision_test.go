package main

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"matinee/internal/aws/awstest"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/aws/stack"
	"matinee/internal/preview"
)

// TestProvisionScript runs the scripts about provisioning, each with an AWS account of its own.
func TestProvisionScript(t *testing.T) { runCloudScripts(t, "testdata/script/provision", nil) }

// runCloudScripts runs scripts, each with an AWS account of its own, and with more commands where there are some.
func runCloudScripts(t *testing.T, dir string, more map[string]func(*testscript.TestScript, bool, []string)) {
	t.Helper()
	films, err := filepath.Abs("../../content")
	if err != nil {
		t.Fatal(err)
	}
	commands := maps.Clone(s3Commands)
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){
		"cloud": setCloud, "nosecret": noSecretOfCloud, "exit": exitStatus,
	})
	maps.Copy(commands, more)
	testscript.Run(t, testscript.Params{
		Dir:       dir,
		Cmds:      commands,
		Condition: has,
		Setup: func(env *testscript.Env) error {
			cloud := awstest.New(func(format string, args ...any) { t.Errorf(format, args...) })
			cloud.Models, _ = awstest.FindModels() // where they are missing, a test of awstest says so
			server := httptest.NewServer(cloud)
			env.Defer(server.Close)
			env.Values["cloud"], env.Values["studio"] = cloud, &filmStudio{}
			for name, value := range awstest.Environment(server.URL) {
				env.Setenv(name, value)
			}
			env.Setenv("FILMS", films)
			env.Setenv("CLIP", "pendulums.mp4")
			env.Setenv("NO_COLOR", "1")
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("BIN", bin) // where matinee is, and no other program
			return nil
		},
	})
}

// setCloud is the script command that makes the account what a test needs:
//
//	cloud stack STATUS             the stack is in this state
//	cloud foreign                  the stack is somebody else's
//	cloud same                     change sets have nothing to change
//	cloud fail RESOURCE REASON     a resource fails
//	cloud refuse ACTION CODE TEXT  an action is refused
//	cloud allow ACTION             an action is no longer refused
//	cloud bucket NAME KEY…         a bucket holds these objects
//	cloud invalidated ID PATH…     the distribution was last told to forget these paths, or the script fails; no paths: nothing
//	cloud parameter NAME VALUE     a parameter of the stack has this value, or the script fails
//	cloud output NAME VALUE        an output of the stack has this value from now on
//	cloud rtmp ID DOMAIN ALIAS     the account has this RTMP distribution
func setCloud(ts *testscript.TestScript, _ bool, args []string) {
	c := ts.Value("cloud").(*awstest.Cloud)
	c.Lock()
	defer c.Unlock()
	switch args[0] {
	case "stack":
		c.Stack.Status = args[1]
	case "foreign":
		c.Stack.Tags = nil
	case "same":
		c.NoChanges = true
	case "fail":
		c.Fail[args[1]] = args[2]
	case "refuse":
		c.Refuse[args[1]] = awstest.Refusal{Code: args[2], Message: args[3], Status: 403}
	case "allow":
		delete(c.Refuse, args[1])
	case "bucket":
		c.Buckets[args[1]] = args[2:]
	case "invalidated":
		var got []string
		for _, i := range c.Invalidations {
			if i.Distribution == args[1] {
				got = i.Paths
			}
		}
		clear(c.Invalidations)
		if !slices.Equal(got, args[2:]) {
			ts.Fatalf("the distribution %s was told to forget %q", args[1], got)
		}
	case "output":
		c.Stack.Outputs[args[1]] = args[2]
	case "rtmp":
		c.Retired = append(c.Retired, awstest.Retired{ID: args[1], Domain: args[2], Alias: args[3]})
	case "parameter":
		if got := c.Stack.Parameters[args[1]]; got != args[2] {
			ts.Fatalf("the parameter %s is %q", args[1], got)
		}
	default:
		ts.Fatalf("unknown: cloud %s", args[0])
	}
}

// exitStatus is "exit CODE COMMAND…": the program ends with this exit code.
func exitStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		_, _ = fmt.Sscanf(err.Error(), "exit status %d", &got)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d (%v)", got, err)
	}
}

// noSecretOfCloud is "nosecret": neither the last command's output nor any file says a key.
func noSecretOfCloud(ts *testscript.TestScript, _ bool, _ []string) {
	check := func(name, text string) {
		for _, secret := range []string{awstest.Secret, awstest.Token, "AKIDEXAMPLE", s3test.AccessKey, s3test.SecretKey} {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s says %s", name, secret)
			}
		}
	}
	check("stdout", ts.ReadFile("stdout"))
	check("stderr", ts.ReadFile("stderr"))
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".gitconfig" {
			return err
		}
		data, err := os.ReadFile(name)
		check(name, string(data))
		return err
	}))
}

// policyBlock is the part of the template about one resource.
func policyBlock(t *testing.T, resource string) string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^  ` + resource + `:[^\n]*\n(?:    .*\n)*`).FindString(stack.Template)
	if text == "" {
		t.Fatalf("the template has no resource %s", resource)
	}
	return text
}

// headerSettings are how the template says response headers.
var headerSettings = map[string]*regexp.Regexp{
	"Content-Security-Policy": regexp.MustCompile(`(?:ContentSecurityPolicy:|-) "(default-src [^"]*)"`),
	"Referrer-Policy":         regexp.MustCompile(`ReferrerPolicy: {Override: true, ReferrerPolicy: ([\w-]+)}`),
	"X-Content-Type-Options":  regexp.MustCompile(`ContentTypeOptions: {Override: true}`),
}

// What distributions add to every answer is what "matinee serve" adds. What is kept with each object, publishing sees to.
func TestHeadersAreThoseOfThePreview(t *testing.T) {
	const stream, elsewhere = "https://d222.cloudfront.net", "https://cdn.example.com"
	for policy, header := range map[string]http.Header{
		"PageHeaders":    preview.Headers("a-walk/index.html", stream, elsewhere),
		"PictureHeaders": preview.Headers("map.svg", stream),
		"StreamHeaders":  preview.Headers("stream/walk-1/master.m3u8", stream),
	} {
		said := strings.NewReplacer("https://${Stream}", stream, "${Elsewhere}", " "+elsewhere).Replace(policyBlock(t, policy))
		for name := range header {
			if name == "Content-Type" || name == "Cache-Control" {
				continue
			}
			m := headerSettings[name].FindStringSubmatch(said)
			switch {
			case m == nil:
				t.Errorf("%s says nothing of %s: %s", policy, name, header.Get(name))
			case len(m) > 1 && m[1] != header.Get(name):
				t.Errorf("%s %s\n got %s\nwant %s", policy, name, m[1], header.Get(name))
			}
		}
	}
}

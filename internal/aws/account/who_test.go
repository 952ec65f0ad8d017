package account_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
)

func TestWho(t *testing.T) {
	c := awstest.Start(t)
	us := account.Account{Region: "eu-west-1"}
	who, err := us.Who(t.Context())
	if err != nil || who.ARN != "arn:aws:iam::123456789012:user/ada" || who.Account != "123456789012" || who.Source != "the environment" || !who.Expires.IsZero() {
		t.Errorf("%+v, %v", who, err)
	}
	c.Refuse["GetCallerIdentity"] = awstest.Refusal{Code: "ExpiredToken", Message: "The token " + awstest.Token + " is expired", Status: 403}
	who, err = us.Who(t.Context())
	if err == nil || err.Error() != "ask AWS whose credentials these are: the AWS session has expired" || who.Source != "the environment" {
		t.Errorf("%+v, %v", who, err)
	}
}

// Credentials that a program gives, as those of single sign-on, say until when they last.
func TestFoundExpires(t *testing.T) {
	awstest.Start(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	dir := t.TempDir()
	answer := filepath.Join(dir, "answer.json")
	write(t, answer, fmt.Sprintf(`{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":%q,"SessionToken":%q,"Expiration":%q}`,
		awstest.Secret, awstest.Token, expires.Format(time.RFC3339)))
	write(t, filepath.Join(dir, "config"), "[profile cinema]\ncredential_process = cat "+answer+"\n")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	who, err := account.Account{Region: "eu-west-1", Profile: "cinema"}.Found(t.Context())
	if err != nil || who.Source != "the profile's program" || !who.Expires.Equal(expires) || who.ARN != "" {
		t.Errorf("%+v, %v", who, err)
	}
	if text := fmt.Sprintf("%+v", who); strings.Contains(text, awstest.Secret) || strings.Contains(text, "AKID") {
		t.Errorf("an identity holds secrets: %s", text)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

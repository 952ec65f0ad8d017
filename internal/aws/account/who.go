package account

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// An Identity says whose credentials are used. It holds none of them.
type Identity struct {
	ARN     string    // "arn:aws:iam::123456789012:user/ada"; "" where nobody was asked
	Account string    // "123456789012"
	Source  string    // where they were found: "the environment"
	Expires time.Time // zero for those that do not
}

// Found says where the credentials are from, and until when they last, without asking AWS: for services that are not
// Amazon's, which know no identities.
func (a Account) Found(ctx context.Context) (Identity, error) {
	_, found, err := a.found(ctx)
	return found, err
}

// Who asks AWS whose credentials these are. Nobody needs a permission for that, so the answer also tells that they are
// valid.
func (a Account) Who(ctx context.Context) (Identity, error) {
	cfg, who, err := a.found(ctx)
	if err != nil {
		return who, err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return who, Explain("ask AWS whose credentials these are", err)
	}
	who.ARN, who.Account = aws.ToString(out.Arn), aws.ToString(out.Account)
	return who, nil
}

func (a Account) found(ctx context.Context) (aws.Config, Identity, error) {
	cfg, err := a.Open(ctx)
	if err != nil {
		return cfg, Identity{}, err
	}
	found, err := cfg.Credentials.Retrieve(ctx) // kept since Open
	if err != nil {
		return cfg, Identity{}, a.loginError(ctx, err)
	}
	who := Identity{Source: source(found.Source)}
	if found.CanExpire {
		who.Expires = found.Expires
	}
	return cfg, who, nil
}

// sources are the SDK's names of the places where credentials are found, and ours.
var sources = []struct{ is, we string }{
	{"EnvConfigCredentials", "the environment"},
	{"SharedConfigCredentials", "the AWS configuration files"},
	{"SSOProvider", "single sign-on"},
	{"LoginProvider", "aws login"},
	{"EC2RoleProvider", "the role of this machine"},
	{"CredentialsEndpointProvider", "the role of this container"},
	{"AssumeRoleProvider", "a role taken on by the profile"},
	{"WebIdentityCredentials", "a role taken on with a web identity"},
	{"ProcessProvider", "the profile's program"},
}

// source names a place. The SDK adds the path of a file to some, which is nobody's business.
func source(name string) string {
	for _, s := range sources {
		if strings.HasPrefix(name, s.is) {
			return s.we
		}
	}
	return "the AWS SDK"
}

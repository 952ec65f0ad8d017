package stack

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"matinee/internal/diag"
)

// Template is the CloudFormation template: everything a site needs, with comments for whoever reads it.
//
//go:embed template.yaml
var Template string

// The template's parameters.
const (
	Domain       = "Domain"           // the site's host name
	StreamDomain = "StreamDomain"     // the clips' host name
	HostedZone   = "HostedZoneId"     // the Route 53 zone of the host names
	Certificate  = "CertificateArn"   // a certificate for them, in us-east-1
	PriceClass   = "PriceClass"       // "PriceClass_100", "PriceClass_200" or "PriceClass_All"
	Redirects    = "Redirects"        // a JSON object of old paths and new ones, at most MaxRedirects bytes long
	Elsewhere    = "StreamsElsewhere" // origins of streams on other hosts that pages play, with a space between two
	MediaConvert = "MediaConvert"     // "yes" makes the role for MediaConvert
	siteOrigin   = "SiteOrigin"       // the site's address, where it has no domain
)

// The template's outputs.
const (
	SiteURL            = "SiteURL"            // the site's address, "https://films.example.com"
	StreamURL          = "StreamURL"          // the clips' address
	SiteTarget         = "SiteTarget"         // what the site's host name must be an alias of, "d111.cloudfront.net"
	StreamTarget       = "StreamTarget"       // what the clips' host name must be an alias of
	StaticBucket       = "StaticBucket"       // name of the bucket of the pages
	StreamBucket       = "StreamBucket"       // name of the bucket of the clips
	SiteDistribution   = "SiteDistribution"   // id of the distribution of the pages
	StreamDistribution = "StreamDistribution" // id of the distribution of the clips
	MediaConvertRole   = "MediaConvertRole"   // ARN of the role; not there where MediaConvert is not "yes"
	MediaConvertQueue  = "MediaConvertQueue"  // ARN of the queue; likewise
)

// MaxRedirects is the length up to which CloudFormation takes the value of a parameter.
const MaxRedirects = 4096

var parameterNames = []string{Domain, StreamDomain, HostedZone, Certificate, siteOrigin, PriceClass, Redirects, Elsewhere, MediaConvert}

// Parameters are values of the template's parameters. One that is not there keeps the value it has in the stack, or has
// the template's default.
type Parameters map[string]string

// Check says what is missing for a stack with these parameters in a region.
func (p Parameters) Check(region string) error {
	has := func(name string) bool { return p[name] != "" }
	switch {
	case has(StreamDomain) && !has(Domain):
		return diag.At("", 0, "a domain for the clips takes a domain for the site").WithHint("add --domain films.example.com")
	case has(Domain) && !has(HostedZone) && !has(Certificate):
		return diag.At("", 0, "the domain %s needs a certificate", p[Domain]).
			WithHint("give the id of its Route 53 zone with --zone, and one is made; or that of a certificate in us-east-1 with --certificate")
	case has(Domain) && !has(Certificate) && region != certificateRegion:
		return diag.At("", 0, "a certificate for CloudFront must be in %s, and so cannot be made in %s", certificateRegion, region).
			WithHint("use --region %[1]s (CloudFront is everywhere all the same), or make a certificate in %[1]s and name it with --certificate", certificateRegion)
	case len(p[Redirects]) > MaxRedirects:
		return diag.At("", 0, "the redirects are longer than %d bytes", MaxRedirects)
	}
	return nil
}

// certificateRegion is the region in which CloudFront looks for certificates, wherever everything else is.
const certificateRegion = "us-east-1"

// over returns p laid over the values that a stack has, without those this template does not know.
func (p Parameters) over(present Parameters) Parameters {
	all := maps.Clone(present)
	if all == nil {
		all = Parameters{}
	}
	maps.Copy(all, p)
	maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(parameterNames, name) })
	return all
}

// String is the parameters that say something, one on a line.
func (p Parameters) String() string {
	var b strings.Builder
	for _, name := range parameterNames {
		if value := p[name]; value != "" && value != "{}" {
			fmt.Fprintf(&b, "  %-14s = %s\n", name, value)
		}
	}
	return b.String()
}

// Recipe is the template for those who apply it by other means: a comment in front says how, with these parameters.
func Recipe(name, region string, p Parameters) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# aws cloudformation deploy --stack-name %s --region %s --template-file THIS-FILE \\", name, region)
	line("#   --capabilities CAPABILITY_IAM --tags %s=%s \\", siteTag, name)
	line("#   --parameter-overrides %s", strings.Join(p.assignments(), " "))
	if p[Domain] == "" {
		line("# and, once more with the output SiteURL: %s=https://…", siteOrigin)
	}
	line("")
	return b.String() + Template
}

// assignments are the parameters as a shell takes them.
func (p Parameters) assignments() []string {
	var words []string
	for _, name := range parameterNames {
		if value, ok := p[name]; ok {
			words = append(words, name+"='"+strings.ReplaceAll(value, "'", `'\''`)+"'")
		}
	}
	return words
}

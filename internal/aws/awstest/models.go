package awstest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"matinee/internal/testenv"
)

// Models are AWS's own descriptions of its services, as botocore (the library under the AWS command line) brings them
// along. [Models.Check] holds requests against them: what they say of a request, AWS checks too.
type Models map[string]*service // by the name that requests are signed for

// A service is what is read of a service-2.json.
type service struct {
	Metadata struct {
		APIVersion string
		Protocol   string
	}
	Operations map[string]*operation
	Shapes     map[string]*shape
}

type operation struct {
	Name string
	HTTP struct{ Method, RequestURI string }
	// Input is nil for operations without one.
	Input *member
}

type shape struct {
	Type     string
	Required []string
	Members  map[string]*member // of a structure
	Member   *member            // of a list
	Value    *member            // of a map
	Enum     []string
	Min, Max *float64
	Pattern  string
	Payload  string
}

// sentNames are the names of a structure's members as they stand in requests, with those in the model.
func (s *shape) sentNames() map[string]string {
	names := map[string]string{}
	for name, m := range s.Members {
		names[cmp.Or(m.LocationName, name)] = name
	}
	return names
}

type member struct {
	Shape        string
	Location     string
	LocationName string
	XMLNamespace struct{ URI string }
}

// FindModels reads the models of the services that are used here. It does so once.
var FindModels = sync.OnceValues(func() (Models, error) {
	out, err := exec.Command("python3", "-c", "import botocore; print(botocore.__path__[0])").Output()
	if err != nil {
		return nil, fmt.Errorf("botocore is not installed (pip install botocore): %w", err)
	}
	models := Models{}
	for _, name := range []string{"cloudformation", "cloudfront", "mediaconvert", "sts"} {
		if models[name], err = readModel(filepath.Join(strings.TrimSpace(string(out)), "data", name)); err != nil {
			return nil, err
		}
	}
	return models, nil
})

// NeedModels returns the models for a test.
func NeedModels(t testing.TB) Models {
	t.Helper()
	models, err := FindModels()
	if err != nil {
		testenv.Missing(t, "whether requests are what AWS takes cannot be seen: %v", err)
	}
	return models
}

// readModel reads the latest model of a service from its folder.
func readModel(dir string) (*service, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "service-2.json*"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there is no model in %s", dir)
	}
	data, err := os.ReadFile(slices.Max(files))
	if err != nil {
		return nil, err
	}
	s := new(service)
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil { // older releases do not pack them
		return s, json.Unmarshal(data, s)
	}
	return s, json.NewDecoder(zip).Decode(s)
}

// signedFor is how the signature of a request names its service.
var signedFor = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/aws4_request`)

// Check returns the operation that a request is for, and all that its model does not allow: members it does not know,
// required ones that are missing, values of the wrong kind. Requests to services without a model are for "".
func (m Models) Check(r *http.Request, body []byte) (name string, problems []string) {
	found := signedFor.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil {
		return "", []string{fmt.Sprintf("%s %s is not signed", r.Method, r.URL)}
	}
	s := m[found[1]]
	if s == nil {
		return "", nil
	}
	c := &checker{service: s}
	var op *operation
	if s.Metadata.Protocol == "query" {
		op = c.query(body)
	} else {
		op = c.rest(r, body)
	}
	if op == nil {
		return found[1], c.problems
	}
	name = found[1] + " " + strings.TrimSuffix(op.Name, strings.ReplaceAll(s.Metadata.APIVersion, "-", "_"))
	for i := range c.problems {
		c.problems[i] = name + ": " + c.problems[i]
	}
	return name, c.problems
}

// A checker holds one request against its model.
type checker struct {
	service  *service
	problems []string
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// A node is a value of a request: an element, or a part of the names of a form's fields.
type node struct {
	name, text string
	nodes      []*node
}

func (n *node) child(name string) *node {
	for _, child := range n.nodes {
		if child.name == name {
			return child
		}
	}
	return nil
}

// query checks a form whose fields have names like "Tags.member.1.Key":
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-structure.html
func (c *checker) query(body []byte) *operation {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		c.problem("the form cannot be read: %v", err)
		return nil
	}
	op := c.service.Operations[form.Get("Action")]
	if op == nil {
		c.problem("there is no operation %q", form.Get("Action"))
		return nil
	}
	if v := form.Get("Version"); v != c.service.Metadata.APIVersion {
		c.problem("the version is %q", v)
	}
	root := &node{}
	for field, values := range form {
		if field == "Action" || field == "Version" {
			continue
		}
		if len(values) != 1 {
			c.problem("%s has %d values", field, len(values))
		}
		at := root
		for part := range strings.SplitSeq(field, ".") {
			next := at.child(part)
			if next == nil {
				next = &node{name: part}
				at.nodes = append(at.nodes, next)
			}
			at = next
		}
		at.text = values[0]
	}
	if op.Input == nil {
		if len(form) > 2 {
			c.problem("it takes no members")
		}
		return op
	}
	c.value(op.Name, op.Input, root)
	return op
}

// rest checks a request with a path, a query and, where there is one, a document.
func (c *checker) rest(r *http.Request, body []byte) *operation {
	op, labels := c.route(r)
	if op == nil {
		c.problem("there is no operation %s %s", r.Method, r.URL)
		return nil
	}
	input := &shape{}
	if op.Input != nil {
		input = c.service.Shapes[op.Input.Shape]
	}
	query := map[string]bool{}
	for name, m := range input.Members {
		required := slices.Contains(input.Required, name)
		switch m.Location {
		case "uri":
			c.value(name, m, &node{text: labels[m.LocationName]})
			if labels[m.LocationName] == "" {
				c.problem("%s is empty", name)
			}
		case "querystring":
			query[m.LocationName] = true
			if r.URL.Query().Has(m.LocationName) {
				c.value(name, m, &node{text: r.URL.Query().Get(m.LocationName)})
			} else if required {
				c.problem("%s is missing", name)
			}
		}
	}
	for name := range r.URL.Query() {
		if !query[name] && !strings.Contains(op.HTTP.RequestURI, "?"+name) {
			c.problem("it does not know the parameter %s", name)
		}
	}
	if c.service.Metadata.Protocol == "rest-json" {
		c.jsonDocument(input, body)
	} else {
		c.document(input, body)
	}
	return op
}

// route finds the operation of a path, and the values of the labels in it.
func (c *checker) route(r *http.Request) (*operation, map[string]string) {
	for _, op := range c.service.Operations {
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		want, got := strings.Split(path, "/"), strings.Split(r.URL.EscapedPath(), "/")
		name, value, _ := strings.Cut(query, "=")
		if op.HTTP.Method != r.Method || len(want) != len(got) || name != "" && r.URL.Query().Get(name) != value {
			continue
		}
		labels, matches := map[string]string{}, true
		for i := range want {
			if label, ok := strings.CutPrefix(want[i], "{"); ok {
				labels[strings.TrimRight(label, "+}")] = got[i]
			} else {
				matches = matches && want[i] == got[i]
			}
		}
		if matches {
			return op, labels
		}
	}
	return nil, nil
}

// document checks the body of a request.
func (c *checker) document(input *shape, body []byte) {
	m := input.Members[input.Payload]
	if m == nil {
		if len(body) > 0 {
			c.problem("it takes no document")
		}
		return
	}
	if len(body) == 0 {
		if slices.Contains(input.Required, input.Payload) {
			c.problem("%s is missing", input.Payload)
		}
		return
	}
	root, space, err := parseXML(body)
	switch {
	case err != nil:
		c.problem("the document cannot be read: %v", err)
	case root.name != m.LocationName || space != m.XMLNamespace.URI:
		c.problem("the document is a %s of %q, and not a %s of %q", root.name, space, m.LocationName, m.XMLNamespace.URI)
	default:
		c.value(root.name, m, root)
	}
}

// parseXML reads a document. Attributes play no part in the requests of these services.
func parseXML(data []byte) (root *node, space string, err error) {
	open := []*node{{}}
	for decoder := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := decoder.Token()
		if err != nil {
			if len(open) == 1 && len(open[0].nodes) == 1 {
				return open[0].nodes[0], space, nil
			}
			return nil, "", err
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local}
			if len(open) == 1 {
				space = t.Name.Space
			}
			last.nodes = append(last.nodes, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(t)
		}
	}
}

// value checks one value and all that is in it. at says where it is, for messages.
func (c *checker) value(at string, m *member, n *node) {
	s := c.service.Shapes[m.Shape]
	if s == nil {
		c.problem("%s: its model names the shape %q, which is not there", at, m.Shape)
		return
	}
	switch s.Type {
	case "structure":
		c.structure(at, s, n)
	case "list":
		c.list(at, s, n)
	default:
		c.scalar(at, s, n)
	}
}

func (c *checker) structure(at string, s *shape, n *node) {
	names := s.sentNames()
	for sent, name := range names {
		if slices.Contains(s.Required, name) && n.child(sent) == nil {
			c.problem("%s.%s is missing", at, name)
		}
	}
	for _, child := range n.nodes {
		name, known := names[child.name]
		if !known {
			c.problem("%s has no member %s", at, child.name)
			continue
		}
		c.value(at+"."+name, s.Members[name], child)
	}
	c.quantity(at, n)
}

// quantity checks what CloudFront wants to know of lists beside them.
func (c *checker) quantity(at string, n *node) {
	number := n.child("Quantity")
	if number == nil {
		return
	}
	items := 0
	if list := n.child("Items"); list != nil {
		items = len(list.nodes)
	}
	if number.text != strconv.Itoa(items) {
		c.problem("%s has %d items, and the quantity %q", at, items, number.text)
	}
}

func (c *checker) list(at string, s *shape, n *node) {
	name := "member"
	if s.Member.LocationName != "" {
		name = s.Member.LocationName
	}
	items := n.nodes
	if c.service.Metadata.Protocol == "query" && len(n.nodes) == 1 && n.nodes[0].name == name {
		items = n.nodes[0].nodes
		for i := range items {
			if n.nodes[0].child(strconv.Itoa(i+1)) == nil {
				c.problem("%s has no item %d of %d", at, i+1, len(items))
			}
		}
	} else if i := slices.IndexFunc(items, func(item *node) bool { return item.name != name }); i >= 0 {
		c.problem("%s holds a %s, and not a %s", at, items[i].name, name)
	}
	c.between(at, s, float64(len(items)))
	for i, item := range items {
		c.value(fmt.Sprintf("%s[%d]", at, i), s.Member, item)
	}
}

func (c *checker) scalar(at string, s *shape, n *node) {
	if len(n.nodes) > 0 {
		c.problem("%s is a %s, and holds a %s", at, s.Type, n.nodes[0].name)
	}
	var err error
	switch s.Type {
	case "string":
		c.text(at, s, n.text, `^(?:`+s.Pattern+`)$`)
	case "integer", "long":
		var number int64
		if number, err = strconv.ParseInt(n.text, 10, 64); err == nil {
			c.between(at, s, float64(number))
		}
	case "boolean":
		if n.text != "true" && n.text != "false" {
			err = errors.New("neither true nor false")
		}
	}
	if err != nil {
		c.problem("%s is no %s: %q (%v)", at, s.Type, n.text, err)
	}
}

// text checks a text. The pattern is that of its shape, as its protocol means it.
func (c *checker) text(at string, s *shape, text, pattern string) {
	c.between(at, s, float64(utf8.RuneCountInString(text)))
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		c.problem("%s is %q, and not one of %s", at, text, strings.Join(s.Enum, ", "))
	}
	// Patterns are written for Java; those that Go does not know are few.
	if p, bad := regexp.Compile(pattern); s.Pattern != "" && bad == nil && !p.MatchString(text) {
		c.problem("%s is %q, and not like %s", at, text, s.Pattern)
	}
}

// between checks a number, the length of a list or that of a text.
func (c *checker) between(at string, s *shape, n float64) {
	if s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max {
		c.problem("%s has a value or length of %v, outside of its limits", at, n)
	}
}

package awstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// jsonDocument checks a request whose members that are in neither path nor query are those of a JSON object.
func (c *checker) jsonDocument(input *shape, body []byte) {
	inBody := &shape{Type: "structure", Members: map[string]*member{}}
	for name, m := range input.Members {
		if m.Location != "" {
			continue
		}
		inBody.Members[name] = m
		if slices.Contains(input.Required, name) {
			inBody.Required = append(inBody.Required, name)
		}
	}
	if len(body) == 0 {
		if len(inBody.Required) > 0 {
			c.problem("the document is missing")
		}
		return
	}
	if len(inBody.Members) == 0 {
		c.problem("it takes no document")
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	err := decoder.Decode(&document)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	if err != nil {
		c.problem("the document cannot be read: %v", err)
		return
	}
	c.jsonStructure("", inBody, document)
}

// jsonValue checks one value of a document and all that is in it. at says where it is, for messages.
func (c *checker) jsonValue(at string, m *member, value any) {
	s := c.service.Shapes[m.Shape]
	if s == nil {
		c.problem("%s: its model names the shape %q, which is not there", at, m.Shape)
		return
	}
	switch s.Type {
	case "structure":
		c.jsonStructure(at, s, value)
	case "list":
		items, ok := value.([]any)
		if !ok {
			c.problem("%s is no list: %v", at, value)
			return
		}
		c.between(at, s, float64(len(items)))
		for i, item := range items {
			c.jsonValue(fmt.Sprintf("%s[%d]", at, i), s.Member, item)
		}
	case "map":
		entries, ok := value.(map[string]any)
		if !ok {
			c.problem("%s is no map: %v", at, value)
			return
		}
		for key, entry := range entries {
			c.jsonValue(fmt.Sprintf("%s[%q]", at, key), s.Value, entry)
		}
	default:
		c.jsonScalar(at, s, value)
	}
}

func (c *checker) jsonStructure(at string, s *shape, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		c.problem("%s is no structure: %v", at, value)
		return
	}
	inside := strings.TrimPrefix(at+".", ".")
	names := s.sentNames()
	for sent, name := range names {
		if _, there := object[sent]; !there && slices.Contains(s.Required, name) {
			c.problem("%s%s is missing", inside, name)
		}
	}
	for sent, value := range object {
		name, known := names[sent]
		if !known {
			c.problem("%s has no member %s", at, sent)
			continue
		}
		c.jsonValue(inside+name, s.Members[name], value)
	}
}

func (c *checker) jsonScalar(at string, s *shape, value any) {
	switch v := value.(type) {
	case string:
		if s.Type != "string" {
			c.problem("%s is no %s: %q", at, s.Type, v)
			return
		}
		c.text(at, s, v, s.Pattern)
	case json.Number:
		n, err := v.Float64()
		_, notWhole := v.Int64()
		isInteger := slices.Contains([]string{"integer", "long"}, s.Type)
		if err != nil || isInteger && notWhole != nil || !isInteger && s.Type != "double" && s.Type != "float" {
			c.problem("%s is no %s: %v", at, s.Type, v)
			return
		}
		c.between(at, s, n)
	case bool:
		if s.Type != "boolean" {
			c.problem("%s is no %s: %v", at, s.Type, v)
		}
	default:
		c.problem("%s is no %s: %v", at, s.Type, value)
	}
}

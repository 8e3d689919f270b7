// Command oracle makes the rows that our templates, gjson paths, YAML maps and regular
// expressions are compared with. It reads cases from the files of inputs/ and writes rows/.
//
//	cd tests/controller/oracle && go run .
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"text/template"
	"unicode/utf8"

	eso "github.com/external-secrets/external-secrets/pkg/template/v2"
	"github.com/tidwall/gjson"
	"sigs.k8s.io/yaml"
)

// text is bytes: a JSON string, or {"base64": "..."} where the bytes are no UTF-8.
type text []byte

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return marshal(string(t))
	}
	return marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(t)})
}

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
		return nil
	}
	var m map[string][]byte
	err := json.Unmarshal(data, &m)
	*t = m["base64"]
	return err
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

type input struct {
	Data      map[string]text `json:"data,omitempty"`
	JSON      []text          `json:"json,omitempty"`
	Templates []string        `json:"templates,omitempty"`
	Lenient   []string        `json:"lenient,omitempty"`
	Delims    [][3]string     `json:"delims,omitempty"`
	Paths     []string        `json:"paths,omitempty"`
	YAML      []text          `json:"yaml,omitempty"`
	Regexps   [][3]string     `json:"regexps,omitempty"`
}

type row struct {
	Template string          `json:"template,omitempty"`
	Lenient  bool            `json:"lenient,omitempty"`
	Left     string          `json:"left,omitempty"`
	Right    string          `json:"right,omitempty"`
	Document *int            `json:"document,omitempty"`
	Path     *string         `json:"path,omitempty"`
	YAML     text            `json:"yaml,omitempty"`
	Regexp   *[3]string      `json:"regexp,omitempty"`
	Out      *text           `json:"out,omitempty"`
	Map      map[string]text `json:"map,omitempty"`
	Exists   *bool           `json:"exists,omitempty"`
	Error    string          `json:"error,omitempty"`
}

func render(r row, data map[string]string) row {
	funcs := template.FuncMap{}
	for name, f := range eso.FuncMap() {
		funcs[name] = f
	}
	delete(funcs, "getHostByName")
	funcs["hexdec"] = func(s string) (string, error) { b, err := hex.DecodeString(s); return string(b), err }
	t := template.New("k").Funcs(funcs).Delims(r.Left, r.Right)
	if !r.Lenient {
		t = t.Option("missingkey=error")
	}
	t, err := t.Parse(r.Template)
	var b bytes.Buffer
	if err == nil {
		err = t.Execute(&b, data)
	}
	if err != nil {
		r.Error = err.Error()
		return r
	}
	out := text(b.Bytes())
	r.Out = &out
	return r
}

func rowsOf(in input) (rows []row) {
	data := map[string]string{}
	for k, v := range in.Data {
		data[k] = string(v)
	}
	for _, t := range in.Templates {
		rows = append(rows, render(row{Template: t}, data))
	}
	for _, t := range in.Lenient {
		rows = append(rows, render(row{Template: t, Lenient: true}, data))
	}
	for _, d := range in.Delims {
		rows = append(rows, render(row{Left: d[0], Right: d[1], Template: d[2]}, data))
	}
	for _, p := range in.Paths {
		for i, j := range in.JSON {
			res := gjson.Get(string(j), p)
			exists, out := res.Exists(), text(res.String())
			rows = append(rows, row{Document: &i, Path: &p, Exists: &exists, Out: &out})
		}
	}
	for _, y := range in.YAML {
		m := map[string]string{}
		r := row{YAML: y}
		if err := yaml.Unmarshal(y, &m); err != nil {
			r.Error = err.Error()
		} else {
			r.Map = map[string]text{}
			for k, v := range m {
				r.Map[k] = text(v)
			}
		}
		rows = append(rows, r)
	}
	for _, c := range in.Regexps {
		r := row{Regexp: &c}
		if re, err := regexp.Compile(c[0]); err != nil {
			r.Error = err.Error()
		} else {
			out := text(re.ReplaceAllString(c[2], c[1]))
			r.Out = &out
		}
		rows = append(rows, r)
	}
	return rows
}

// lines writes one row a line, so that a change of a row is a change of a line.
func lines(in input) []byte {
	var b bytes.Buffer
	data, err := marshal(in.Data)
	check(err)
	documents, err := marshal(in.JSON)
	check(err)
	b.WriteString("{\"data\": " + string(data) + ",\n\"json\": " + string(documents) + ",\n\"rows\": [\n")
	for i, r := range rowsOf(in) {
		line, err := marshal(r)
		check(err)
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(line)
	}
	b.WriteString("\n]}\n")
	return b.Bytes()
}

func main() {
	files, _ := filepath.Glob("inputs/*.json")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		check(err)
		var in input
		check(json.Unmarshal(raw, &in))
		check(os.WriteFile(filepath.Join("rows", filepath.Base(file)), lines(in), 0o644))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Answers questions in the languages of workflows with the libraries that Argo uses.
// One JSON question on each line of standard input, one JSON answer on each line of standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/Knetic/govaluate"
	"github.com/argoproj/argo-workflows/v4/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v4/util/expr/env"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/util/template"
	"github.com/expr-lang/expr"
	"github.com/itchyny/gojq"
	"k8s.io/apimachinery/pkg/labels"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
)

type question struct {
	Language string          `json:"language"`
	Source   string          `json:"source"`
	Data     json.RawMessage `json:"data"`
}

type answer struct {
	Value any    `json:"value,omitempty"`
	Type  string `json:"type,omitempty"`
	Error string `json:"error,omitempty"`
}

var deadline = 2 * time.Second

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		line, err := json.Marshal(ask(q))
		if err != nil {
			line, _ = json.Marshal(answer{Error: err.Error()})
		}
		out.Write(line)
		out.WriteByte('\n')
	}
}

func ask(q question) answer {
	result := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				result <- answer{Error: fmt.Sprint("panic: ", r)}
			}
		}()
		result <- evaluate(q)
	}()
	select {
	case a := <-result:
		return a
	case <-time.After(deadline):
		return answer{Error: "too slow"}
	}
}

func evaluate(q question) answer {
	value, err := languages[q.Language](q)
	if err != nil {
		return answer{Error: err.Error()}
	}
	kind := "nil"
	if value != nil {
		kind = reflect.TypeOf(value).Kind().String()
	}
	if _, err := json.Marshal(value); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: value, Type: kind}
}

var languages = map[string]func(question) (any, error){
	"expr":     evaluateExpr,
	"when":     evaluateWhen,
	"cronWhen": evaluateCronWhen,
	"depends":  evaluateDepends,
	"selector": evaluateSelector,
	"kubectl":  evaluateKubectl,
	"jq":       evaluateJq,
	"template": evaluateTemplate,
}

func data[T any](q question) T {
	var value T
	if len(q.Data) > 0 {
		if err := json.Unmarshal(q.Data, &value); err != nil {
			panic(err)
		}
	}
	return value
}

func evaluateExpr(q question) (any, error) {
	names := env.GetFuncMap(data[map[string]any](q))
	program, err := expr.Compile(q.Source, expr.Env(names))
	if err != nil {
		return nil, err
	}
	return expr.Run(program, names)
}

func evaluateWhen(q question) (any, error) {
	expression, err := govaluate.NewEvaluableExpression(q.Source)
	if err != nil {
		return nil, err
	}
	tokens := expression.Tokens()
	for i := range tokens {
		if tokens[i].Kind == govaluate.VARIABLE {
			tokens[i].Kind = govaluate.STRING
		}
	}
	expression, err = govaluate.NewEvaluableExpressionFromTokens(tokens)
	if err != nil {
		return nil, err
	}
	return boolean(expression.Evaluate(nil))
}

func evaluateCronWhen(q question) (any, error) {
	expression, err := govaluate.NewEvaluableExpression(q.Source)
	if err != nil {
		return nil, err
	}
	return boolean(expression.Evaluate(nil))
}

func boolean(value any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if _, ok := value.(bool); !ok {
		return nil, fmt.Errorf("%v is not a boolean", value)
	}
	return value, nil
}

// evaluateDepends takes the results that hold, by task: {"a-1": ["Succeeded"]}.
func evaluateDepends(q question) (any, error) {
	type results struct{ Succeeded, Failed, Errored, Skipped, Omitted, Daemoned, AnySucceeded, AllFailed bool }
	scope := map[string]results{}
	for task, words := range data[map[string][]string](q) {
		var r results
		for _, word := range words {
			reflect.ValueOf(&r).Elem().FieldByName(word).SetBool(true)
		}
		scope[strings.ReplaceAll(task, "-", "_")] = r
	}
	return argoexpr.EvalBool(strings.ReplaceAll(q.Source, "-", "_"), scope)
}

func evaluateSelector(q question) (any, error) {
	requirements, err := labels.Parse(q.Source)
	if err != nil {
		return nil, err
	}
	return requirements.Matches(values(data[map[string]string](q))), nil
}

func evaluateKubectl(q question) (any, error) {
	path := jsonpath.New("out").AllowMissingKeys(true)
	if err := path.Parse(q.Source); err != nil {
		return nil, err
	}
	var text strings.Builder
	// As kubectl reads objects: whole numbers are int64.
	var object any
	if err := utiljson.Unmarshal(q.Data, &object); err != nil {
		return nil, err
	}
	if err := path.Execute(&text, object); err != nil {
		return nil, err
	}
	return text.String(), nil
}

func evaluateJq(q question) (any, error) {
	query, err := gojq.Parse(q.Source)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var text strings.Builder
	for values := query.RunWithContext(ctx, data[any](q)); ; text.WriteString("\n") {
		value, more := values.Next()
		if !more {
			return strings.TrimSpace(text.String()), nil
		}
		if err, failed := value.(error); failed {
			return nil, err
		}
		if plain, ok := value.(string); ok {
			text.WriteString(plain)
			continue
		}
		line, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		text.Write(line)
	}
}

// evaluateTemplate replaces tags in a text that stands in JSON, as all of a manifest does; what cannot be resolved may stay.
func evaluateTemplate(q question) (any, error) {
	text, err := json.Marshal(q.Source)
	if err != nil {
		return nil, err
	}
	ctx := logging.WithLogger(context.Background(), logging.NewSlogLogger(logging.Error, logging.Text))
	replaced, err := template.Replace(ctx, string(text), data[map[string]string](q), true)
	if err != nil {
		return nil, err
	}
	var value string
	if err := json.Unmarshal([]byte(replaced), &value); err != nil {
		return nil, errors.New("the result is no longer JSON")
	}
	return value, nil
}

// values are a resource's fields by path, as Argo looks them up: what is not there has no value.
type values map[string]string

func (v values) Has(path string) bool {
	_, there := v[path]
	return there
}
func (v values) Get(path string) string { return v[path] }
func (v values) Lookup(path string) (string, bool) {
	value, there := v[path]
	return value, there
}

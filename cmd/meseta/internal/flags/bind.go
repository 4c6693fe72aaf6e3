// Package flags turns configuration structs into command-line flags, environment variables and settings of a
// configuration file. A field with the tag `flag:"offer_timeout"` becomes --offer_timeout (or --offer-timeout),
// MESETA_OFFER_TIMEOUT, MESOS_OFFER_TIMEOUT and offer_timeout in the file; the first of them that is given wins,
// else the field keeps what it has. The comment above the field is the flag's help text (see docs.flagdoc.go).
//
// Durations and sizes are written as in Mesos or in Go. Whatever is unknown or cannot be read is refused with
// the reason, and with the nearest right name.
package flags

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// Bind adds a flag for each field of config that has a flag tag, and of the structs in it. config is a
// pointer to a struct that holds the defaults. A field that counts bytes says `unit:"bytes"`, and one that names a
// file `unit:"path"`.
//
// It panics on a field that has no text form: that is a mistake in the program.
func Bind(set *pflag.FlagSet, config any) {
	set.SetNormalizeFunc(normalize)
	bind(set, reflect.ValueOf(config).Elem())
}

// normalize lets - and _ both be taken. Mesos' names have underscores.
func normalize(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "-", "_"))
}

func bind(set *pflag.FlagSet, config reflect.Value) {
	for i := range config.NumField() {
		field, info := config.Field(i), config.Type().Field(i)
		name := info.Tag.Get("flag")
		if name == "" {
			if (info.IsExported() || info.Anonymous) && field.Kind() == reflect.Struct {
				bind(set, field)
			}
			continue
		}
		v := &value{field: field, path: info.Tag.Get("unit") == "path", bytes: info.Tag.Get("unit") == "bytes" || strings.HasSuffix(info.Type.String(), ".Bytes")}
		flag := set.VarPF(v, name, info.Tag.Get("short"), usage(config.Type(), info))
		if v.Type() == "bool" {
			flag.NoOptDefVal = "true"
			bindNo(set, name, v)
		}
	}
}

// bindNo adds --no-name, as Mesos has it for every switch.
func bindNo(set *pflag.FlagSet, name string, v *value) {
	no := set.VarPF(&negation{v}, "no_"+name, "", "")
	no.NoOptDefVal = "true"
	no.Hidden = true
}

// negation sets a switch to the contrary.
type negation struct{ *value }

// Set parses text and sets the switch to its contrary.
func (n *negation) Set(text string) error {
	switch text {
	case "true":
		return n.value.Set("false")
	case "false":
		return n.value.Set("true")
	}
	return fmt.Errorf("true or false expected")
}

// usage is the comment above a field, made to stand behind the flag's name: "OfferTimeout is how long a
// framework…" becomes "how long a framework…". A help tag wins over the comment.
func usage(config reflect.Type, field reflect.StructField) string {
	if help := field.Tag.Get("help"); help != "" {
		return help
	}
	doc := docs[config.PkgPath()[strings.LastIndexByte(config.PkgPath(), '/')+1:]+"."+config.Name()+"."+field.Name]
	doc = strings.TrimPrefix(doc, field.Name+" ")
	for _, verb := range []string{"is ", "are ", "says ", "holds "} {
		if rest, ok := strings.CutPrefix(doc, verb); ok {
			return rest
		}
	}
	return doc
}

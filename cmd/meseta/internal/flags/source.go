package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// prefixes of environment variables; an earlier one wins.
var prefixes = []string{"MESETA_", "MESOS_"}

// Fill sets the flags that the command line left alone from the environment, then from the configuration file
// (none if the path is empty): YAML, TOML or JSON, by its ending. Unknown variables are somebody else's and
// ignored; unknown settings of the file are refused, because nobody else reads it.
func Fill(set *pflag.FlagSet, file string) error {
	v := viper.New()
	settings, err := load(v, set, file)
	if err != nil {
		return err
	}
	var problems []error
	set.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "config" || set.Changed("no_"+f.Name) {
			return
		}
		if name, text, ok := fromEnvironment(f.Name); ok {
			if err := set.Set(f.Name, text); err != nil {
				problems = append(problems, fmt.Errorf("environment variable %s=%s: %w", name, text, reason(err)))
			}
			return
		}
		if setting, ok := settings[f.Name]; ok {
			if err := set.Set(f.Name, setting); err != nil {
				problems = append(problems, fmt.Errorf("%s: %s: %s: %w", file, f.Name, setting, reason(err)))
			}
		}
	})
	return errors.Join(problems...)
}

// Prefer sets the flags that nobody has set from a file of preferences, YAML, which need not be there. The file is for
// many commands: of its settings a command takes those that it has a flag for, and known are all that may be in it.
func Prefer(set *pflag.FlagSet, file string, known []string) error {
	v := viper.New()
	v.SetConfigFile(file)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	all := v.AllSettings()
	for _, key := range sortedKeys(all) {
		name := string(normalize(set, key))
		if !slices.Contains(known, name) {
			near := Nearest(name, known)
			if near != "" {
				near = ": did you mean " + near + "?"
			}
			return fmt.Errorf("%s: unknown setting %s%s", file, key, near)
		}
		text, err := settingText(all[key])
		if err != nil {
			return fmt.Errorf("%s: %s: %w", file, key, err)
		}
		f := set.Lookup(name)
		if f == nil || f.Changed {
			continue
		}
		if err := set.Set(name, text); err != nil {
			return fmt.Errorf("%s: %s: %s: %w", file, key, text, reason(err))
		}
	}
	return nil
}

// fromEnvironment finds a flag's variable. An empty one counts as set, as in Mesos.
func fromEnvironment(flag string) (name, text string, ok bool) {
	for _, prefix := range prefixes {
		name = prefix + strings.ToUpper(flag)
		if text, ok = os.LookupEnv(name); ok {
			return name, text, true
		}
	}
	return "", "", false
}

// load reads the file and checks that each setting is a flag.
func load(v *viper.Viper, set *pflag.FlagSet, file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	v.SetConfigFile(file)
	if err := v.ReadInConfig(); err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", file, err)
	}
	settings := map[string]string{}
	all := v.AllSettings()
	for _, key := range sortedKeys(all) {
		name := string(normalize(set, key))
		if set.Lookup(name) == nil || name == "config" || name == "help" {
			return nil, fmt.Errorf("configuration file %s: unknown setting %s%s", file, key, didYouMean(name, "", set))
		}
		text, err := settingText(all[key])
		if err != nil {
			return nil, fmt.Errorf("configuration file %s: %s: %w", file, key, err)
		}
		settings[name] = text
	}
	return settings, nil
}

// settingText writes a setting as it would be on the command line: a list of plain values is joined by commas,
// anything deeper is JSON, which Mesos' structured flags take.
func settingText(setting any) (string, error) {
	list, isList := setting.([]any)
	_, isMap := setting.(map[string]any)
	deep := isMap
	var words []string
	for _, item := range list {
		switch item.(type) {
		case map[string]any, []any:
			deep = true
		}
		words = append(words, fmt.Sprint(item))
	}
	switch {
	case deep:
		text, err := json.Marshal(setting)
		return string(text), err
	case isList:
		return strings.Join(words, ","), nil
	}
	return fmt.Sprint(setting), nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Explain turns pflag's complaint about a command line into one that says the thing, the reason and, where
// there is one, the nearest right name.
func Explain(err error, set *pflag.FlagSet) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return fmt.Errorf("unknown flag -%s", name)
		}
		return fmt.Errorf("unknown flag --%s%s", name, didYouMean(string(normalize(set, name)), "--", set))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	if required, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s: a value is missing, as in --%[1]s=%s", required.GetFlag().Name, required.GetFlag().Value.Type())
	}
	return err
}

// reason strips what pflag wraps around a parse error.
func reason(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return invalid.Unwrap()
	}
	return err
}

// didYouMean is ": did you mean --name?", or nothing when no flag is near.
func didYouMean(name, dashes string, set *pflag.FlagSet) string {
	var names []string
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden || strings.HasPrefix(name, "no_") {
			names = append(names, f.Name)
		}
	})
	if near := Nearest(name, names); near != "" {
		return ": did you mean " + dashes + near + "?"
	}
	return ""
}

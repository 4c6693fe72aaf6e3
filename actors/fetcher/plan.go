package fetcher

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/meseta-io/meseta/actors/fetcher/archive"
	"github.com/meseta-io/meseta/actors/fetcher/box"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Item is one file to bring.
type Item struct {
	// Shown is the URI for people: without white space around it and without a password.
	Shown string
	// Key is the URI as the cache knows it.
	Key string
	// Path is where a local file is. Empty: URL is where it is.
	Path string
	URL  *url.URL
	// Output is the name in the sandbox.
	Output string
	// Archive is how it is to be unpacked; None: it is not.
	Archive archive.Kind
	// Executable, and kept in the Cache.
	Executable, Cache bool
}

// Plan says what URIs mean. The error names the first that means nothing, and what is wrong with it.
func Plan(uris []*mesospb.CommandInfo_URI, frameworksHome string) ([]Item, error) {
	items := make([]Item, 0, len(uris))
	for _, u := range uris {
		item, err := plan(u, frameworksHome)
		if err != nil {
			return nil, fmt.Errorf("fetch '%s': %w", Redact(strings.TrimSpace(u.GetValue())), err)
		}
		items = append(items, item)
	}
	return items, nil
}

func plan(u *mesospb.CommandInfo_URI, home string) (Item, error) {
	value := strings.TrimSpace(u.GetValue()) // Mesos takes blanks before a URI, and templates leave them behind it
	item := Item{Shown: Redact(value), Key: value, Executable: u.GetExecutable(), Cache: u.GetCache()}
	switch {
	case value == "":
		return item, errors.New("the URI is empty")
	case strings.ContainsAny(value, "\\'\x00"):
		return item, errors.New("a URI has no backslash, quote or zero byte")
	}
	base, err := basename(value)
	if err != nil {
		return item, err
	}
	if item.Output = base; u.GetOutputFile() != "" {
		item.Output = u.GetOutputFile()
	}
	if item.Output, err = output(item.Output); err != nil {
		return item, err
	}
	if err := item.source(value, home); err != nil {
		return item, err
	}
	if u.GetExtract() && !item.Executable {
		item.Archive = archive.KindOf(item.Output)
	}
	return item, nil
}

// basename is what the file is called unless the URI says otherwise: all behind the last slash.
func basename(value string) (string, error) {
	if _, rest, ok := strings.Cut(value, "://"); ok {
		host, name, ok := strings.Cut(rest, "/")
		if !ok || strings.Trim(name, "/") == "" {
			return "", fmt.Errorf("the URI has no path behind %q", host)
		}
	}
	name := value[strings.LastIndexByte(value, '/')+1:]
	if name == "" {
		return "", errors.New("the URI ends in a slash, so the file would have no name")
	}
	return name, nil
}

// output checks a name in the sandbox.
func output(name string) (string, error) {
	if strings.ContainsAny(name, "\\'") {
		return "", fmt.Errorf("the output file %q has a backslash or a quote", name)
	}
	if strings.HasSuffix(name, "/") {
		return "", fmt.Errorf("the output file %q ends in a slash: it names a directory", name)
	}
	clean, err := box.Clean(name)
	if err != nil {
		return "", fmt.Errorf("the output file: %w", err)
	}
	if clean == "." {
		return "", fmt.Errorf("the output file %q is the sandbox itself", name)
	}
	return clean, nil
}

func (i *Item) source(value, home string) error {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		return i.local(value, home)
	}
	switch strings.ToLower(scheme) {
	case "file":
		rest = strings.TrimPrefix(rest, "localhost")
		if !path.IsAbs(rest) {
			return errors.New("a file URI has an absolute path: file:///path or file://localhost/path")
		}
		i.Path = path.Clean(rest)
		return nil
	case "http", "https":
		u, err := url.Parse(value)
		if err != nil {
			var why *url.Error
			if errors.As(err, &why) {
				err = why.Err // the other words repeat the URI, password included
			}
			return fmt.Errorf("the URI cannot be read: %w", err)
		}
		if u.Hostname() == "" {
			return errors.New("the URI names no host")
		}
		i.URL = u
		return nil
	case "ftp", "ftps":
		return fmt.Errorf("%s is not supported: this agent fetches file, http and https; serve the file over HTTP", scheme)
	case "hdfs", "hftp", "webhdfs", "s3", "s3n", "s3a", "gs", "maprfs":
		return fmt.Errorf("%s needs a Hadoop client, which this agent has not: it fetches file, http and https; give an https URI of the object", scheme)
	}
	return fmt.Errorf("the scheme %q is unknown: this agent fetches file, http and https", scheme)
}

// local is a path without a scheme.
func (i *Item) local(name, home string) error {
	if !path.IsAbs(name) {
		if home == "" {
			return errors.New("the path is relative, and the agent has no --frameworks_home that it could be below; give an absolute one")
		}
		name = path.Join(home, name)
	}
	i.Path = path.Clean(name)
	return nil
}

// Redact takes the password out of a URI.
func Redact(value string) string {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		return value
	}
	authority, behind := rest, ""
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		authority, behind = rest[:n], rest[n:]
	}
	if n := strings.LastIndexByte(authority, '@'); n >= 0 {
		user, _, secret := strings.Cut(authority[:n], ":")
		if secret {
			user += ":xxxxx"
		}
		authority = user + authority[n:]
	}
	return scheme + "://" + authority + behind
}

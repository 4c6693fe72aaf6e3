package web

import (
	"net/url"
	"strings"
)

// decodeQuery reads key=value pairs as libprocess does: separated by "&" or ";", empty ones ignored, a key without "="
// given as empty, of several values the last. An escape that is broken is an error.
func decodeQuery(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	query := map[string]string{}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		query[key] = value
	}
	return query, nil
}

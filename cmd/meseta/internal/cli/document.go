package cli

import (
	"encoding/json"
	"fmt"
)

// printValue writes what has no form in the v1 API.
func (a *app) printValue(v any) error {
	document, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", document)
	return err
}

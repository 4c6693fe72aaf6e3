package remote

import "strings"

// Variables are libprocess' names for the files of a TLS, as a program that starts another tells it.
func (t *TLS) Variables() []string {
	return []string{"LIBPROCESS_SSL_ENABLED=1", "LIBPROCESS_SSL_CERT_FILE=" + t.CertFile, "LIBPROCESS_SSL_KEY_FILE=" + t.KeyFile, "LIBPROCESS_SSL_CA_FILE=" + t.CAFile}
}

// TLSOf is what an environment says of TLS, NAME=value; nil if it is not enabled.
func TLSOf(env []string) *TLS {
	said := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if name, ours := strings.CutPrefix(name, "LIBPROCESS_SSL_"); ours {
			said[name] = strings.TrimPrefix(value, "file://")
		}
	}
	if on := strings.ToLower(said["ENABLED"]); on != "1" && on != "true" {
		return nil
	}
	return &TLS{CertFile: said["CERT_FILE"], KeyFile: said["KEY_FILE"], CAFile: said["CA_FILE"]}
}

package cni

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/meseta-io/meseta/messages/fault"
)

// Files by which a machine knows names.
const (
	hosts    = "hosts"
	hostname = "hostname"
	resolver = "resolv.conf"
)

// A name becomes a line of /etc/hosts, and the kernel takes 64 bytes.
var goodName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`)

// nameOf is a container's host name: the one that was asked for, or its own id, shortened.
func nameOf(asked, id string) (string, error) {
	if asked == "" {
		own := id[strings.LastIndexByte(id, '.')+1:]
		own = strings.Map(func(r rune) rune {
			if goodName.MatchString(string(r)) || r == '-' {
				return r
			}
			return '-'
		}, own)
		return strings.Trim(own[:min(len(own), 63)], "-"), nil
	}
	if !goodName.MatchString(asked) {
		return "", fmt.Errorf("the host name %q: use at most 64 letters, digits, dashes and dots: %w", asked, fault.ErrInvalid)
	}
	return asked, nil
}

// hostsFile names the machine itself and the container.
func hostsFile(name string, ips []string) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	if len(ips) == 0 {
		ips = []string{"127.0.1.1"}
	}
	for _, ip := range ips {
		fmt.Fprintf(&b, "%s %s\n", ip, name)
	}
	return b.String()
}

// resolverFile is what resolv.conf says for the settings of a network.
func resolverFile(d types.DNS) string {
	var b strings.Builder
	if d.Domain != "" {
		fmt.Fprintf(&b, "domain %s\n", d.Domain)
	}
	if len(d.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(d.Search, " "))
	}
	if len(d.Options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(d.Options, " "))
	}
	for _, n := range d.Nameservers {
		fmt.Fprintf(&b, "nameserver %s\n", n)
	}
	return b.String()
}

// machineResolver is the machine's own resolv.conf. A server on the machine's loopback cannot be reached from another
// network namespace; where systemd has put one before the real ones, those are taken.
func machineResolver(paths ...string) string {
	var first string
	for i, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		if i == 0 || first == "" {
			first = string(b)
		}
		if !onlyLoopback(string(b)) {
			return string(b)
		}
	}
	return first
}

func onlyLoopback(resolv string) bool {
	found := false
	for line := range strings.Lines(resolv) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		ip, err := netip.ParseAddr(f[1])
		if err != nil || !ip.IsLoopback() {
			return false
		}
		found = true
	}
	return found
}

// defaults are the name servers of networks that name none themselves (--default_container_dns): by the network's name, and
// under "" those of all others.
type defaults map[string]types.DNS

// parseDefaults reads the flag: JSON of Mesos' ContainerDNSInfo, of which the part "mesos" is for this containerizer.
func parseDefaults(text string) (defaults, error) {
	if text == "" {
		return nil, nil
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("--default_container_dns: %s: %w", fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	var all structpb.Struct
	if err := protojson.Unmarshal([]byte(text), &all); err != nil {
		return nil, bad("not JSON: %v", err)
	}
	d := defaults{}
	for i, v := range all.GetFields()["mesos"].GetListValue().GetValues() {
		f := v.GetStructValue().GetFields()
		if mode := f["network_mode"].GetStringValue(); mode != "CNI" {
			return nil, bad("mesos[%d]: the network_mode is CNI, not %q", i, mode)
		}
		name := f["network_name"].GetStringValue()
		if _, twice := d[name]; twice && name == "" {
			return nil, bad("mesos[%d]: there is one entry without a network_name, for all other networks", i)
		} else if twice {
			return nil, bad("mesos[%d]: network %q is there already", i, name)
		}
		one := f["dns"].GetStructValue().GetFields()
		d[name] = types.DNS{Nameservers: texts(one["nameservers"]), Search: texts(one["search"]), Options: texts(one["options"]), Domain: one["domain"].GetStringValue()}
	}
	return d, nil
}

func texts(v *structpb.Value) (all []string) {
	for _, one := range v.GetListValue().GetValues() {
		all = append(all, one.GetStringValue())
	}
	return all
}

// of is what holds for a network.
func (d defaults) of(network string) types.DNS {
	if one, ok := d[network]; ok {
		return one
	}
	return d[""]
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	saved "github.com/meseta-io/meseta/cluster/snapshot"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/cmd/meseta/internal/stores"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// backup is `meseta snapshot`.
func (a *app) backup() *cobra.Command {
	c := &cobra.Command{Use: "snapshot", Short: "save, restore and look into the registry: what survives the masters", GroupID: "serve", Args: noSubcommand,
		Long: "The registry is what masters must not forget: which agents there are, which are unreachable or gone for good, quotas,\n" +
			"weights and maintenance. Tasks are not in it; agents know theirs. A snapshot is the registry in one file, for backups and\n" +
			"for moving from one store to another.",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.backupSave(), a.backupRestore(), a.backupInspect())
	return c
}

// noSubcommand refuses what is no command of a command that only has others.
func noSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return usageError(fmt.Errorf("%s knows %s, but not %s", c.CommandPath(), strings.Join(names, ", "), args[0]))
}

// kept is how a command finds a registry: as its master does.
type kept struct {
	Election string `flag:"election" help:"where the registry is, as the masters have it: standalone is in --work_dir, consul://HOST:PORT/PREFIX in Consul"`
	WorkDir  string `flag:"work_dir" unit:"path" help:"the master's work directory, where its registry is in there"`
}

func (k kept) place() (stores.Place, error) {
	p, err := stores.At(k.Election, k.WorkDir)
	if err != nil {
		return nil, usageError(err)
	}
	return p, nil
}

func keeps() kept { return kept{Election: stores.Standalone, WorkDir: node.WorkDir("master")} }

// storePatience bounds what a store may take to answer.
const storePatience = 30 * time.Second

func (a *app) backupSave() *cobra.Command {
	config := struct {
		kept
		Cluster   string `flag:"cluster" help:"the name of the cluster, to be written into the file"`
		Overwrite bool   `flag:"overwrite" help:"replace the file if it is there"`
	}{kept: keeps()}
	c := &cobra.Command{Use: "save [flags] FILE", Short: "write the registry into a file", Args: arguments(1, 1),
		Long: "Writes the registry into a file, also while masters run; they are not disturbed.",
		Example: "  meseta snapshot save --work_dir=/var/lib/meseta/master registry.snapshot\n" +
			"  meseta snapshot save --election=consul://127.0.0.1:8500/meseta registry.snapshot"}
	return bind(c, &config, func(args []string) error {
		place, err := config.place()
		if err != nil {
			return err
		}
		if _, err := os.Lstat(args[0]); err == nil && !config.Overwrite {
			return fmt.Errorf("%s is there already; name another file, or say --overwrite", args[0])
		}
		ctx, cancel := context.WithTimeout(a.ctx, storePatience)
		defer cancel()
		entries, epoch, err := place.Read(ctx)
		if err != nil {
			return err
		}
		if epoch == 0 && len(entries) == 0 {
			return fmt.Errorf("there is no registry in %s: no master has led there; --work_dir and --election say where to look", place)
		}
		s := &saved.Snapshot{Entries: entries, Header: saved.Header{Cluster: config.Cluster, From: place.String(), Taken: time.Now().UTC(), Epoch: epoch, Program: release}}
		if err := writeSnapshot(args[0], s); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s: %s, %s, of epoch %d, from %s\n", screen.Clean(args[0]), plural(s.Header.Entries, "record"), bytesText(uint64(s.Bytes)), s.Epoch, screen.Clean(s.From))
		return nil
	})
}

// writeSnapshot makes the file appear whole or not at all, and readable by nobody else: a registry says much of a cluster.
func writeSnapshot(path string, s *saved.Snapshot) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(saved.Write(f, s), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func readSnapshot(path string) (*saved.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := saved.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (a *app) backupRestore() *cobra.Command {
	config := struct {
		kept
		Overwrite bool `flag:"overwrite" help:"replace a registry that is there; what it has and the snapshot has not is forgotten"`
		DryRun    bool `flag:"dry_run" help:"say what would be done, and do nothing"`
	}{kept: keeps()}
	c := &cobra.Command{Use: "restore [flags] FILE", Short: "make a registry what a file says", Args: arguments(1, 1),
		Long: "Makes a registry what it was when the snapshot was taken, in the same store or in another: stop all masters first, and start\n" +
			"them afterwards. What happened since is forgotten: agents that joined are asked to join again, agents that were removed may\n" +
			"come back. Epochs go on growing, so masters and agents know what is new.",
		Example: "  meseta snapshot restore --work_dir=/var/lib/meseta/master registry.snapshot\n" +
			"  meseta snapshot restore --election=consul://127.0.0.1:8500/meseta --dry_run registry.snapshot"}
	return bind(c, &config, func(args []string) error {
		place, err := config.place()
		if err != nil {
			return err
		}
		s, err := readSnapshot(args[0])
		if err != nil {
			return err
		}
		return a.restore(place, s, config.Overwrite, config.DryRun)
	})
}

// restore looks before it changes anything, says what it does, and does it in a term of its own.
func (a *app) restore(place stores.Place, s *saved.Snapshot, overwrite, dry bool) error {
	ctx, cancel := context.WithTimeout(a.ctx, storePatience)
	defer cancel()
	leader, err := place.Leader(ctx)
	if err != nil {
		return err
	}
	if leader != "" {
		return fmt.Errorf("%s leads with the registry in %s: stop all masters first", leader, place)
	}
	there, epoch, err := place.Read(ctx)
	if err != nil {
		return err
	}
	plan := saved.Compare(there, s)
	fmt.Fprintf(a.out, "%s holds %s\n", screen.Clean(place.String()), heldText(there, epoch))
	fmt.Fprintf(a.out, "the snapshot holds %s, of %s\n", heldText(s.Entries, s.Epoch), s.Taken.Local().Format(time.DateTime))
	fmt.Fprintf(a.out, "restoring sets %s, deletes %d, leaves %d as they are\n", plural(plan.Set, "record"), plan.Delete, plan.Same)
	if len(there) > 0 && !overwrite {
		newer := ""
		if epoch > s.Epoch {
			newer = ", newer than the snapshot"
		}
		if !dry {
			return fmt.Errorf("there is a registry in %s%s: --overwrite replaces it; save it first", place, newer)
		}
	}
	if dry {
		fmt.Fprintln(a.out, "nothing was changed")
		return nil
	}
	term, err := a.apply(ctx, place, plan, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "restored; the next epoch is larger than %d: start the masters\n", max(term, s.Epoch))
	return nil
}

// apply leads for as long as it writes, and looks again then: what was planned may be of a moment ago.
func (a *app) apply(ctx context.Context, place stores.Place, planned *saved.Plan, s *saved.Snapshot) (epoch uint64, err error) {
	store, err := place.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	type won struct {
		term cluster.Term
		err  error
	}
	ch := make(chan won, 1)
	cancel := store.Contend(restorer(), func(t cluster.Term, err error) { ch <- won{t, err} })
	defer cancel()
	var w won
	select {
	case w = <-ch:
	case <-ctx.Done():
		return 0, fmt.Errorf("%s cannot be had for writing within %v: is a master running?", place, storePatience)
	}
	if w.err != nil {
		return 0, w.err
	}
	defer func() { err = errors.Join(err, w.term.Resign(context.WithoutCancel(ctx))) }()
	there, err := store.Load(ctx, w.term)
	if err != nil {
		return 0, err
	}
	plan := saved.Compare(there, s)
	if plan.Set != planned.Set || plan.Delete != planned.Delete || plan.Same != planned.Same {
		return 0, fmt.Errorf("the registry in %s has changed in this moment: stop all masters first: %w", place, fault.ErrConflict)
	}
	return w.term.Epoch(), plan.Restore(ctx, store, w.term, s.Epoch)
}

// restorer is who leads while a registry is restored. Nobody can be reached there, and whoever tries is told at once.
func restorer() *mesospb.MasterInfo {
	return &mesospb.MasterInfo{Id: proto.String("meseta-snapshot-restore"), Ip: proto.Uint32(0x0100007f), Port: proto.Uint32(1),
		Pid: proto.String("master@127.0.0.1:1"), Hostname: proto.String("localhost")}
}

// heldText says how much there is: "12 records of epoch 7".
func heldText(entries []cluster.Entry, epoch uint64) string {
	if len(entries) == 0 && epoch == 0 {
		return "no registry"
	}
	return fmt.Sprintf("%s of epoch %d", plural(len(entries), "record"), epoch)
}

func (a *app) backupInspect() *cobra.Command {
	config := output{"table"}
	c := &cobra.Command{Use: "inspect [flags] FILE", Short: "say what is in a snapshot", Args: arguments(1, 1),
		Long:    "Checks a snapshot and says what is in it: its cluster, when and whence it was taken, and what the masters remember there.",
		Example: "  meseta snapshot inspect registry.snapshot\n  meseta snapshot inspect -o json registry.snapshot"}
	return bind(c, &config, func(args []string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		s, err := readSnapshot(args[0])
		if err != nil {
			return err
		}
		r, err := contents(s)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printValue(r)
		}
		return a.showContents(r)
	})
}

func (a *app) showContents(r *contentsOf) error {
	if err := a.out.Fields([]screen.Field{
		{Name: "Cluster", Value: r.Cluster, Style: screen.Bold},
		{Name: "From", Value: r.From},
		{Name: "Taken", Value: r.Taken.Local().Format(time.DateTime)},
		{Name: "By", Value: "meseta " + r.Program + ", form " + fmt.Sprint(r.Format)},
		{Name: "Epoch", Value: fmt.Sprint(r.Epoch)},
		{Name: "Last leader", Value: r.Leader},
		{Name: "Needs", Value: strings.Join(r.Capabilities, ", ")},
		{Name: "Records", Value: fmt.Sprintf("%d, %s", r.Header.Entries, bytesText(uint64(r.Bytes)))},
		{Name: "SHA-256", Value: r.Checksum},
		{Name: "Unknown", Value: strings.Join(r.Unknown, "\n"), Style: screen.Yellow},
		{Name: "Quotas", Value: strings.Join(r.Quotas, "\n")},
		{Name: "Weights", Value: strings.Join(r.Weights, "\n")},
		{Name: "Maintenance", Value: strings.Join(r.Machines, "\n")},
	}); err != nil || len(r.Agents) == 0 {
		return err
	}
	fmt.Fprintln(a.out)
	var rows [][]screen.Cell
	for _, one := range r.Agents {
		rows = append(rows, []screen.Cell{{Text: one.ID}, {Text: one.Host}, {Text: one.State, Style: agentStyles[one.State]}, {Text: one.Since}})
	}
	return a.out.Table([]string{"AGENT", "HOST", "STATE", "SINCE"}, rows)
}

var agentStyles = map[string]screen.Style{"unreachable": screen.Red, "gone": screen.Faint, "draining": screen.Yellow, "deactivated": screen.Yellow}

// sortedBy sorts by a key, for lists that come from maps.
func sortedBy[E any](list []E, key func(E) string) []E {
	slices.SortFunc(list, func(a, b E) int { return strings.Compare(key(a), key(b)) })
	return list
}

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// owner finds which of some processes has the socket that a connection comes from; 0 for none of them. Everybody here
// is on one machine, so the kernel knows.
func owner(client, proxy net.Addr, among []int) int {
	inode := inodeOf(client.(*net.TCPAddr), proxy.(*net.TCPAddr))
	if inode == "" {
		return 0
	}
	want := "socket:[" + inode + "]"
	for _, pid := range among {
		dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue // it has ended
		}
		for _, fd := range fds {
			if at, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil && at == want {
				return pid
			}
		}
	}
	return 0
}

// inodeOf looks a socket up by both its ends.
func inodeOf(local, remote *net.TCPAddr) string {
	want := hexAddress(local) + " " + hexAddress(remote)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode := find(table, want); inode != "" {
			return inode
		}
	}
	return ""
}

func find(table, want string) string {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local_address rem_address st queues tr tm->when retrnsmt uid timeout inode
		_, rest, _ := strings.Cut(lines.Text(), ": ")
		fields := strings.Fields(rest)
		if len(fields) > 8 && strings.HasSuffix(fields[0], want[:13]) && strings.HasSuffix(fields[1], want[14:]) {
			return fields[8]
		}
	}
	return ""
}

// hexAddress is an IPv4 address as the kernel prints it.
func hexAddress(a *net.TCPAddr) string {
	ip := a.IP.To4()
	if ip == nil {
		return "none:of it us"
	}
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip), a.Port)
}

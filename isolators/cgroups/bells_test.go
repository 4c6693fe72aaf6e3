package cgroups

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestBells(t *testing.T) {
	b := &bells{}
	for range 2 { // once everything was deafened it begins anew
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		rung := make(chan struct{})
		if err := b.hear(fd, unix.EPOLLIN, func() {
			var buf [8]byte
			if n, _ := unix.Read(fd, buf[:]); n == 8 {
				rung <- struct{}{}
			}
		}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
				t.Fatal(err)
			}
			<-rung
		}
		b.deafen(fd)
		b.deafen(fd)
		unix.Close(fd)
	}
}

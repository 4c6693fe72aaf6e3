#include "textflag.h"

// func initCode() *byte
TEXT ·initCode(SB), NOSPLIT, $0-8
	MOVD	$·stays(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// func initEnd() *byte
TEXT ·initEnd(SB), NOSPLIT, $0-8
	MOVD	$·staysEnd(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// The program of a process that stays: see init_amd64.s.
//
//	R19 child  R20 descriptor  R21 every signal's bit, on the stack  R22 the wait status, on the stack
TEXT ·stays(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	$10, R2
	MOVD	16(RSP), R1
	MOVD	$0, R19
child:
	MOVBU	(R1), R0
	CBZ	R0, childDone
	MUL	R2, R19, R19
	ADD	R0, R19, R19
	SUB	$48, R19, R19
	ADD	$1, R1, R1
	B	child
childDone:
	MOVD	24(RSP), R1
	MOVD	$0, R20
status:
	MOVBU	(R1), R0
	CBZ	R0, statusDone
	MUL	R2, R20, R20
	ADD	R0, R20, R20
	SUB	$48, R20, R20
	ADD	$1, R1, R1
	B	status
statusDone:
	SUB	$32, RSP, RSP
	MOVD	RSP, R21
	ADD	$8, R21, R22
	MOVD	$-1, R0
	MOVD	R0, (R21)
	MOVD	$0, R0
	MOVD	R0, (R22)

	// prctl(PR_SET_DUMPABLE, 0)
	MOVD	$4, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	MOVD	$167, R8
	SVC

	// rt_sigprocmask(SIG_SETMASK, all)
	MOVD	$2, R0
	MOVD	R21, R1
	MOVD	$0, R2
	MOVD	$8, R3
	MOVD	$135, R8
	SVC

reap:	// wait4(-1, &status, WNOHANG|__WALL, 0)
	MOVD	$-1, R0
	MOVD	R22, R1
	MOVD	$0x40000001, R2
	MOVD	$0, R3
	MOVD	$260, R8
	SVC
	CMP	R19, R0
	BEQ	ended
	CMP	$0, R0
	BGT	reap

	// rt_sigtimedwait(all, 0, 0, 8)
	MOVD	R21, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$8, R3
	MOVD	$137, R8
	SVC
	CMP	$0, R0
	BLE	reap
	CMP	$17, R0 // SIGCHLD
	BEQ	reap

	// kill(child, signal)
	MOVD	R0, R1
	MOVD	R19, R0
	MOVD	$129, R8
	SVC
	B	reap

ended:
	CBZ	R20, leave
	// write(descriptor, &status, 4)
	MOVD	R20, R0
	MOVD	R22, R1
	MOVD	$4, R2
	MOVD	$64, R8
	SVC
leave:	// exit_group: the program's code, or 128 and the signal that killed it
	MOVWU	(R22), R0
	AND	$0x7f, R0, R1
	CBZ	R1, exited
	ADD	$128, R1, R0
	B	exit
exited:
	LSR	$8, R0, R0
	AND	$0xff, R0, R0
exit:
	MOVD	$94, R8
	SVC
	B	exit

TEXT ·staysEnd(SB), NOSPLIT|NOFRAME, $0-0
	RET

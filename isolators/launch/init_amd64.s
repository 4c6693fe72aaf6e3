#include "textflag.h"

// func initCode() *byte
TEXT ·initCode(SB), NOSPLIT, $0-8
	LEAQ	·stays(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func initEnd() *byte
TEXT ·initEnd(SB), NOSPLIT, $0-8
	LEAQ	·staysEnd(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// The program of a process that stays: argv[1] is the number of its child, argv[2] the descriptor for the status or 0.
// It begins as the kernel starts it, with argc, argv and the environment on the stack, and every signal blocked. It may use
// nothing but registers, its stack and system calls: it runs at another address than where it was linked to.
//
//	R12 child  R13 descriptor  R14 every signal's bit, on the stack  R15 the wait status, on the stack
TEXT ·stays(SB), NOSPLIT|NOFRAME, $0-0
	// The numbers are decimal and made by ourselves.
	MOVQ	16(SP), SI
	XORL	R12, R12
child:
	MOVBLZX	(SI), AX
	TESTL	AX, AX
	JZ	childDone
	IMULQ	$10, R12
	LEAQ	-48(R12)(AX*1), R12
	INCQ	SI
	JMP	child
childDone:
	MOVQ	24(SP), SI
	XORL	R13, R13
status:
	MOVBLZX	(SI), AX
	TESTL	AX, AX
	JZ	statusDone
	IMULQ	$10, R13
	LEAQ	-48(R13)(AX*1), R13
	INCQ	SI
	JMP	status
statusDone:
	ANDQ	$-16, SP
	PUSHQ	$-1
	MOVQ	SP, R14
	PUSHQ	$0
	MOVQ	SP, R15

	// prctl(PR_SET_DUMPABLE, 0): nobody in the container may look at us by /proc/1.
	MOVL	$157, AX
	MOVL	$4, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL

	// rt_sigprocmask(SIG_SETMASK, all): they are, but nothing should depend on it.
	MOVL	$14, AX
	MOVL	$2, DI
	MOVQ	R14, SI
	XORL	DX, DX
	MOVL	$8, R10
	SYSCALL

reap:	// wait4(-1, &status, WNOHANG|__WALL, 0)
	MOVL	$61, AX
	MOVQ	$-1, DI
	MOVQ	R15, SI
	MOVL	$0x40000001, DX
	XORL	R10, R10
	SYSCALL
	CMPQ	AX, R12
	JE	ended
	TESTQ	AX, AX
	JG	reap

	// rt_sigtimedwait(all, 0, 0, 8)
	MOVL	$128, AX
	MOVQ	R14, DI
	XORL	SI, SI
	XORL	DX, DX
	MOVL	$8, R10
	SYSCALL
	TESTQ	AX, AX
	JLE	reap
	CMPQ	AX, $17 // SIGCHLD
	JE	reap

	// kill(child, signal)
	MOVQ	AX, SI
	MOVQ	R12, DI
	MOVL	$62, AX
	SYSCALL
	JMP	reap

ended:
	TESTQ	R13, R13
	JZ	leave
	// write(descriptor, &status, 4)
	MOVL	$1, AX
	MOVQ	R13, DI
	MOVQ	R15, SI
	MOVL	$4, DX
	SYSCALL
leave:	// exit_group: the program's code, or 128 and the signal that killed it
	MOVL	(R15), DI
	MOVL	DI, AX
	ANDL	$0x7f, AX
	JZ	exited
	LEAL	128(AX), DI
	JMP	exit
exited:
	SHRL	$8, DI
	ANDL	$0xff, DI
exit:
	MOVL	$231, AX
	SYSCALL
	JMP	exit

TEXT ·staysEnd(SB), NOSPLIT|NOFRAME, $0-0
	RET

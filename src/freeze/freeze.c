/*
 * freeze: waits for ever and keeps a container alive. As process 1 it ends at once on SIGTERM and SIGINT and reaps
 * the orphans that it inherits. No libc: one file serves every system of its architecture.
 *
 * The signals are blocked and waited for instead of handled: the kernel discards signals that process 1 neither handles
 * nor blocks, and handlers would need a return trampoline on every architecture.
 *
 * With TRIAL defined it ends at once with 0: what a host is tried with that may not run programs of an architecture.
 */

typedef unsigned long long sigset; /* the kernel's: 64 signals, signal n is bit n - 1 */

#define SIGINT 2
#define SIGTERM 15
#define SIGCHLD 17
#define BIT(signal) (1ULL << ((signal) - 1))
#define SIG_BLOCK 0
#define WNOHANG 1

#if defined(__x86_64__)
enum { SIGPROCMASK = 14, SIGTIMEDWAIT = 128, WAIT4 = 61, EXIT_GROUP = 231 };
#elif defined(__i386__)
enum { SIGPROCMASK = 175, SIGTIMEDWAIT = 177, WAIT4 = 114, EXIT_GROUP = 252 };
#elif defined(__aarch64__) || defined(__riscv)
enum { SIGPROCMASK = 135, SIGTIMEDWAIT = 137, WAIT4 = 260, EXIT_GROUP = 94 };
#elif defined(__arm__)
enum { SIGPROCMASK = 175, SIGTIMEDWAIT = 177, WAIT4 = 114, EXIT_GROUP = 248 };
#elif defined(__powerpc64__)
enum { SIGPROCMASK = 174, SIGTIMEDWAIT = 176, WAIT4 = 114, EXIT_GROUP = 234 };
#elif defined(__s390x__)
enum { SIGPROCMASK = 175, SIGTIMEDWAIT = 177, WAIT4 = 114, EXIT_GROUP = 248 };
#else
#error "no system call numbers for this architecture"
#endif

static long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__i386__)
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#elif defined(__arm__)
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
    return r0;
#elif defined(__riscv)
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
#elif defined(__powerpc64__)
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    /* Here an error is a positive number, with the summary overflow bit set. */
    __asm__ volatile("sc\n\tbns+ 1f\n\tneg %1, %1\n1:" : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6)
                     : : "cr0", "ctr", "r7", "r8", "r9", "r10", "r11", "r12", "memory");
    return r3;
#elif defined(__s390x__)
    register long r1 __asm__("r1") = number;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5) : "memory");
    return r2;
#endif
}

__attribute__((noreturn)) static void end(void)
{
    for (;;)
        call(EXIT_GROUP, 0, 0, 0, 0);
}

#ifdef TRIAL
__attribute__((noreturn)) void _start(void)
{
    end();
}
#else
__attribute__((noreturn)) void _start(void)
{
    sigset waited = BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGCHLD);
    int status;

    call(SIGPROCMASK, SIG_BLOCK, (long)&waited, 0, sizeof waited);
    for (;;) {
        long signal;

        /* One SIGCHLD may stand for many children. None that ended gives 0, none at all an error. */
        while (call(WAIT4, -1, (long)&status, WNOHANG, 0) > 0)
            ;
        signal = call(SIGTIMEDWAIT, (long)&waited, 0, 0, sizeof waited);
        if (signal == SIGTERM || signal == SIGINT)
            end();
    }
}
#endif

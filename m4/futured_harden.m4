# FUTURED_HARDEN([IS_SANITIZED])
#
# The flags of OpenSSF's guide to hardening, each only where the compiler and the linker know it:
# HARDEN_CFLAGS, HARDEN_LDFLAGS, and PIE_LDFLAGS for programs. tests/scripts/test_hardening.sh
# reads what became of them. Under sanitizers (IS_SANITIZED is not "no") what would hide a
# finding from them is left out.
AC_DEFUN([FUTURED_HARDEN], [
  AX_REQUIRE_DEFINED([AX_APPEND_COMPILE_FLAGS])
  AX_REQUIRE_DEFINED([AX_APPEND_LINK_FLAGS])
  AX_REQUIRE_DEFINED([AX_CHECK_COMPILE_FLAG])

  dnl What the compiler warns of beyond -Wall -Wextra.
  AX_APPEND_COMPILE_FLAGS([-Walloca -Wbidi-chars=any -Wduplicated-cond -Wimplicit-fallthrough dnl
    -Wstringop-overflow=4 -Wtrampolines], [WARN_CFLAGS], [-Werror])

  AX_APPEND_COMPILE_FLAGS([-fvisibility=hidden -fPIE -fstack-protector-strong dnl
    -fstack-clash-protection -fno-delete-null-pointer-checks -fno-strict-overflow dnl
    -fno-strict-aliasing], [HARDEN_CFLAGS], [-Werror])
  dnl One or the other, by the processor.
  AX_APPEND_COMPILE_FLAGS([-fcf-protection=full -mbranch-protection=standard], [HARDEN_CFLAGS], [-Werror])
  AX_APPEND_LINK_FLAGS([-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code dnl
    -Wl,--as-needed], [HARDEN_LDFLAGS], [-Werror])
  AX_APPEND_LINK_FLAGS([-pie], [PIE_LDFLAGS], [-Werror])

  AS_IF([test "x$1" = xno], [
    AX_APPEND_COMPILE_FLAGS([-ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr], dnl
      [HARDEN_CFLAGS], [-Werror])
    dnl The compiler sees what only a header says: that it wants optimization.
    AX_CHECK_COMPILE_FLAG([-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3],
      [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"], [], [-Werror],
      [AC_LANG_PROGRAM([[#include <string.h>]])])
  ])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
  AC_SUBST([PIE_LDFLAGS])
])

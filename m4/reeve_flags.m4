dnl SPDX-License-Identifier: MIT

dnl REEVE_TRY_FLAG(FLAG, COMPILE-OR-LINK, IF-ACCEPTED)
dnl Tries one compiler flag as an error, on a program that includes a libc header
dnl and optimises as the user's CFLAGS do.  A comma in FLAG joins flags that go together,
dnl but for -Wl,...
AC_DEFUN([REEVE_TRY_FLAG], [
reeve_flag="$1"
case $reeve_flag in
-Wl,*) ;;
*) reeve_flag=`AS_ECHO(["$reeve_flag"]) | tr , ' '` ;;
esac
AC_MSG_CHECKING([whether $CC takes $reeve_flag])
reeve_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror $reeve_flag"
m4_if([$2], [link], [AC_LINK_IFELSE], [AC_COMPILE_IFELSE])(
    [AC_LANG_SOURCE([[#include <stdio.h>
int main(void) { return puts("") < 0; }]])],
    [AC_MSG_RESULT([yes])
    $3],
    [AC_MSG_RESULT([no])])
CFLAGS=$reeve_saved_CFLAGS
])

dnl REEVE_CFLAGS(VARIABLE, FLAGS): appends each flag that compiles.
AC_DEFUN([REEVE_CFLAGS], [
for reeve_each in m4_normalize([$2]); do
REEVE_TRY_FLAG([$reeve_each], [compile], [$1="$$1 $reeve_flag"])
done
])

dnl REEVE_LDFLAGS(VARIABLE, FLAGS): appends each flag that links.
AC_DEFUN([REEVE_LDFLAGS], [
for reeve_each in m4_normalize([$2]); do
REEVE_TRY_FLAG([$reeve_each], [link], [$1="$$1 $reeve_flag"])
done
])

#!/usr/bin/perl
# java-trust.pl < BUNDLE > STORE: the certificates of a PEM bundle as a key store of Java's (JKS),
# whose password is `changeit`. keytool would take half a second for each of them.
use strict;
use warnings;
use Digest::SHA qw(sha1);
use MIME::Base64 qw(decode_base64);

binmode STDOUT;
my $text = do { local $/; <STDIN> };
my (%seen, @certificates);
for my $one ($text =~ /-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END/gs) {
  my $der = decode_base64($one);
  # One that is cut off would make Java refuse the whole store.
  push @certificates, $der if is_whole($der) && !$seen{$der}++;
}
die "no certificate\n" unless @certificates;

my $store = pack "NNN", 0xfeedfeed, 2, scalar @certificates;
my $number = 0;
$store .= pack "Nn/aQ>n/aN/a", 2, "session-" . ++$number, 0, "X.509", $_ for @certificates;
print $store, sha1(pack("n*", unpack "C*", "changeit"), "Mighty Aphrodite", $store);

# Whether it is one sequence of DER, as long as it says.
sub is_whole {
  my ($tag, $size) = unpack "CC", $_[0] . "\0\0";
  my $bytes = $size & 0x7f;
  return 0 if $tag != 0x30 || $size < 0x81 || $bytes > 4;
  my $length = unpack "N", substr "\0\0\0\0" . substr($_[0], 2, $bytes), -4;
  return length $_[0] == 2 + $bytes + $length;
}

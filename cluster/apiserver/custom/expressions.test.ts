import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression } from "./expressions.ts";

const evaluate = (text: string, self: unknown = null) => compileExpression(text)({ self, oldSelf: null });

/** Examples of kubernetes.io/docs/reference/using-api/cel and of the libraries' own documentation. */
const hold = [
  "[1, 2, 3].isSorted() && ![3, 1].isSorted()",
  "[1, 3].sum() == 4 && [1.5, 2.5].sum() == 4.0 && [].sum() == 0",
  "[1, 3].min() == 1 && ['b', 'a'].max() == 'b'",
  "[1, 2, 2, 3].indexOf(2) == 1 && ['a', 'b', 'b'].lastIndexOf('b') == 2 && [1.0].indexOf(1.1) == -1",
  "sets.contains([1, 2, 3], [2, 3]) && !sets.contains([1], [1, 2]) && sets.contains([], [])",
  "sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [1, 2]) && !sets.intersects([1], [])",
  "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('xyz') == ''",
  "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
  "'hello'.charAt(4) == 'o' && 'héllo'.charAt(1) == 'é' && 'hello'.charAt(5) == ''",
  "'hello hello'.replace('he', 'we', 1) == 'wello hello' && 'aa'.replace('a', 'b') == 'bb'",
  "'TacoCat'.lowerAscii() == 'tacocat' && 'x'.upperAscii() == 'X' && ' a '.trim() == 'a'",
  "'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b' && 'tacocat'.substring(4) == 'cat'",
  "'%s of %d is %.2f%%'.format(['a', 3, 0.5]) == 'a of 3 is 0.50%' && '%x'.format([255]) == 'ff'",
  "'%s'.format([[1, 'b', {'k': true}]]) == '[1, b, {k: true}]'",
  "quantity('100M').isGreaterThan(quantity('99999k')) && quantity('50M') == quantity('50M')",
  "quantity('50k').add(quantity('20k')).compareTo(quantity('70k')) == 0 && quantity('50k').sub(20) == quantity('49980')",
  "quantity('50.5k').asInteger() == 50500 && !quantity('500m').isInteger() && quantity('500m').asApproximateFloat() == 0.5",
  "quantity('9223372036854775807').asInteger() == 9223372036854775807 && quantity('-1').sign() == -1",
  "isQuantity('1.3Gi') && !isQuantity('1,3') && quantity('1Ki').compareTo(quantity('1024')) == 0",
  "isURL('https://user:pass@example.com:80/path?query=val#fragment') && isURL('/absolute-path') && !isURL('../relative')",
  "url('https://example.com:80/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
  "url('https://[::1]:80/').getHost() == '[::1]:80' || url('https://[::1]:80/').getHostname() == '::1'",
  "url('https://example.com/?k=a&k=b').getQuery()['k'] == ['a', 'b'] && url('/p').getHost() == ''",
  "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && ip('8.8.8.8').isGlobalUnicast()",
  "isIP('10.0.0.1') && !isIP('10.0.0') && !isIP('::ffff:1.2.3.4') && ip('169.254.0.1').isLinkLocalUnicast()",
  "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD') && string(ip('10.0.0.1')) == '10.0.0.1'",
  "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
  "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('10.0.0.0/24').containsCIDR(cidr('10.0.0.0/8'))",
  "cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24') && cidr('::1/128').prefixLength() == 128",
  "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && string(cidr('10.0.0.0/8').ip()) == '10.0.0.0'",
  "!format.dns1123Label().validate('my-name').hasValue() && format.dns1123Label().validate('My').hasValue()",
  "format.named('uuid').hasValue() && !format.named('nothing').hasValue()",
  "format.dns1123LabelPrefix().validate('my-').hasValue() == false",
  "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha.1').compareTo(semver('1.0.0')) == -1",
  "isSemver('1.2.3+b') && !isSemver('v1') && semver('1.2.3').minor() == 2",
  "has(self.list[0].a) && !has(self.list[0].b) && !has(self.list[1].a.b.c) || false",
  "self.list.exists(x, has(x.a) && has(self.list[0].a.b))",
  "'has(x[0].y)' == 'has(x[' + '0].y)'",
  "self.?missing.orValue('d') == 'd' && !has(self.missing)",
];

test("Kubernetes' functions", () => {
  const self = { list: [{ a: { b: 1n } }, { a: { b: {} } }] };
  for (const text of hold) assert.equal(evaluate(text, self), true, text);
});

test("what cannot be is an error", () => {
  const wrong: [string, RegExp][] = [
    ["[].min() == 0", /min called on empty list/],
    ["'a'.charAt(2) == ''", /index out of range/],
    ["'a'.findAll('(') == []", /illegal regex/],
    ["'%d'.format(['a']) == ''", /needs a number/],
    ["'%s'.format([]) == ''", /out of range/],
    ["quantity('x') == quantity('x')", /not a quantity/],
    ["quantity('500m').asInteger() == 0", /cannot convert value to integer/],
    ["ip('1.2.3') == ip('1.2.3')", /IP Address "1.2.3" parse error/],
    ["cidr('1.2.3.4') == cidr('1.2.3.4')", /network address parse error/],
    ["url('nothing').getHost() == ''", /URL parse error/],
    ["semver('1').major() == 1", /not a semantic version/],
    ["'aaaaaaaaaa'.replace('', 'b'.replace('b', self)).size() > 0", /more than 1000000 characters/],
  ];
  for (const [text, message] of wrong) assert.throws(() => evaluate(text, "x".repeat(500_000)), message, text);
});

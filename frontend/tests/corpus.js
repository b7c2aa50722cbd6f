/** Texts in which much goes on, in several languages: for tests of every beginning of them. */
export const CORPUS = {
  English: `# Title
Text with H<sub>2</sub>O, <kbd>Ctrl</kbd>, a note[^1] and <script>alert(1)</script>.

> [!WARNING]
> Mind the **gap** ![x](https://canary.example/a.png)

<details>
<summary>More *here* <img src=https://canary.example/b.png></summary>

- one
- [ ] two <b onclick=x>

\`\`\`html
<iframe src="https://canary.example/c"></iframe>
</details>
\`\`\`
</details>

| a | b <svg onload=x> |
|---|:-:|
| \`x|y\` | ~~old~~ |

[^1]: The note, [link](javascript:alert(1)) and [ref].

[ref]: https://canary.example/d "t"
`,
  German: `## Größe & Maß
„**Wichtig**“: Straße 5–7, 3~4 Stück zu 5 $ bis 10 $, $x^2$.

1. Erstens
   - [x] erledigt <a href="https://canary.example/e">x</a>
   - [ ] offen
2. Zweitens <style>body{background:url(https://canary.example/f)}</style>

\\begin{align}
a &= b \\\\
c &= d
\\end{align}
`,
  Chinese: `### 标题
**「重要」**的是2~3天，见https://canary.example/路径。*（注意）*！

> [!NOTE]
> 请看\`代码\`和$a_1$。

- 一
- 二：<math><mi xlink:href=javascript:x>

![图](https://canary.example/g.png)
`,
  Hungarian: `Árvíztűrő **tükörfúrógép**, e-mail: a@canary.example, <mark>jelölt</mark>.

~~~python
print("őű")
~~~

<object data=https://canary.example/h></object> &lt;b&gt; &#x3c;i&#x3e;
`,
  Hebrew: `# כותרת
זו שורה עם \`./go.sh -x\` ו-**הדגשה**.

- פריט <video src=https://canary.example/i>
  1. אחד
  2. שתיים

\\[ x = 1 \\]
`,
  Arabic: `مرحبا **بالعالم**، 2~3 أيام. [رابط](https://canary.example/j)

> اقتباس <input autofocus onfocus=x>

\`\`\`mermaid
graph TD
  A["<img src=https://canary.example/k>"] --> B
\`\`\`
`,
  "HTML in disguise": `<scr<script>ipt src=https://canary.example/l></scr</script>ipt>
<img/src="https://canary.example/m"/onerror=x> <IMG SRC=https://canary.example/n>
<svg><image href="https://canary.example/o" /><use xlink:href=https://canary.example/p /></svg>
<link rel=prefetch href=https://canary.example/q><meta http-equiv=refresh content="0;url=https://canary.example/r">
<picture><source srcset="https://canary.example/s 2x"></picture><audio src=https://canary.example/t autoplay>
<!-- --><img src=https://canary.example/u> <![CDATA[<img src=https://canary.example/v>]]> <?php x ?>
<kbd style="background:url(https://canary.example/w)">k</kbd> <details open ontoggle=x><sub\n>a</sub\n></details>
&lt;img src=https://canary.example/x&gt; &#60;script&#62; &NotEqualTilde; &notit; &#0; &#xD800;

<details><summary>One</summary>

> <details><summary>Two</summary>
> <img src=https://canary.example/y>
> </details>

</details>
`,
  "Addresses in disguise": `[a](javascript:alert(1)) [b](java
script:x) [c](&#x6a;avascript:x) [d](data:text/html,<script>x</script>) [e](//canary.example/1)
[f](\\javascript:x) [g]( javascript:x "t") [h](<javascript:x>) <javascript:x> <https://canary.example/2>
[https://bank.example/](https://canary.example/3) [bank.example](https://canary.example@evil.example/4)
![i](https://canary.example/5.png "t") [![j](https://canary.example/6.png)](https://canary.example/7)
[k]: javascript:x
[l]: https://canary.example/8 'One "two" three'

[k] and [l], [l][], [m][l], [n][k], www.canary.example/9, ftp://canary.example/10, a@canary.example.
`,
  "Blocks in blocks": `Read [late], *[more][late]*[^note] first.

Words.

Words, and more of them.

1. One
   > [!TIP]
   > - a
   >   ~~~js
   >   let x = "</code>";
   >   ~~~
   > | a | b |
   > |---|---|
   > | 1 |

   After.
10) Ten
- [x] - [ ] + * Nested

Title
===
Other
---
| a
-|-
b|\`c|d\`|e
***
____

\`\`\`\`markdown
# Within
\`\`\`sh
echo "$HOME" \`date\`
\`\`\`
\`\`\`\`
    indented
~~~~ text
~~~
~~~~
See[^note], [^2], [^a-z] and [^none].

[^note]: A note
    of **two** lines.
[^2]: \`two\`
[late]: https://canary.example/18
`,
  "Formulas and prices": `It was $5 and 6$, $HOME/$USER, \\$7, $$8, 9$$ and $x_1$ or $\\href{https://canary.example/11}{y}$.

$$
\\includegraphics{https://canary.example/12} \\htmlData{a=b}{c} \\url{https://canary.example/13}
$$

\\[
a < b <img src=https://canary.example/14> \\unknown{
\\]

\\begin{multline}
a \\\\ + b
\\end{multline}

\\(\\ce{H2O}\\) \\begin{cases} 1 & <script> \\\\ 2 \\end{cases} $\\text{$x$}$ \\begin{align} never
`,
  "Mixed directions": `# \u202eevil\u202c \u2067\u05d0\u2069 \`a\u202eb\`
עברית (English) **מודגש**עם, *نص* [\u202egnp.exe](https://canary.example/15) و https://canary.example/מסלול.

> [!CAUTION]
> اقرأ \`rm -rf\`، ثم ۱۲۳.

| שם | value | قيمة |
|:--|:-:|--:|
| א | <b>b</b> | ۳ |

1. یک
   - دو
     * שלוש ~~ארבע~~

👩‍👩‍👧‍👦🏳️‍🌈 e\u0301\u0302 \u{e0041}\u{e0042} \ufeff\u200b\u00ad 1️⃣ a\u2028b\u2029c
`,
  "East Asian marks": `**「強調」**は、**注意！**それから*「斜体」*です。~~取消~~～〜~1~2~
・項目 ＊全角＊ ＿下線＿ ｀code｀ ［名前］（https://canary.example/16）
1、一 2．二 （３）三

**重要：**必须<mark>标记</mark>。《**书名**》**「引用」**，见[链接](https://canary.example/17)。
**한국어**는 **"강조"**입니다. https://canary.example/경로입니다

| 列 | \`|\` |
|---|---|
| 「**値**」 | 3~5個 |
`,
};

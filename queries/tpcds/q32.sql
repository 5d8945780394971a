--! title = "Excess discount on catalog sales"
--! question = "Over 90 days, how much discount did one maker's catalog sales give where it was more than 1.3 times the item's average?"
--! param.CSDATE = { default = "2000-01-27", date = ["{YEAR}-01-01", "{YEAR}-04-01"] }
--! # the maker is a manufacturer number, 1 to 1000
--! param.IMID = { default = 977, int = [1, 1000] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the column has a plain identifier instead of a quoted one"]

select sum(cs1.cs_ext_discount_amt) as excess_discount_amount
from catalog_sales as cs1
join item on cs1.cs_item_sk = i_item_sk
join date_dim as d1 on cs1.cs_sold_date_sk = d1.d_date_sk
where i_manufact_id = {IMID}
    and d1.d_date between {CSDATE} and {CSDATE} + interval '90' day
    and cs1.cs_ext_discount_amt > (
        select 1.3 * avg(cs2.cs_ext_discount_amt)
        from catalog_sales as cs2
        join date_dim as d2 on cs2.cs_sold_date_sk = d2.d_date_sk
        where cs2.cs_item_sk = i_item_sk
            and d2.d_date between {CSDATE} and {CSDATE} + interval '90' day
    )
limit 100

--! title = "Web sales by zip code for some places or items"
--! question = "What did web customers of each zip code spend in a quarter, if they live in certain zip codes or bought certain items?"
--! param.GBOBC = { default = "ca_city", sql = ["ca_city", "ca_county", "ca_state"] }
--! param.QOY = { default = 2, int = [1, 2] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }
--! deviations = ["the sum, unnamed in the definition, is called total_sales"]

select
    ca_zip,
    {GBOBC},
    sum(ws_sales_price) as total_sales
from web_sales
join customer on ws_bill_customer_sk = c_customer_sk
join customer_address on c_current_addr_sk = ca_address_sk
join date_dim on ws_sold_date_sk = d_date_sk
join item on ws_item_sk = i_item_sk
where (
        substr(ca_zip, 1, 5) in (
            '85669', '86197', '88274', '83405', '86475', '85392', '85460', '80348', '81792'
        )
        or i_item_id in (
            select i_item_id
            from item
            where i_item_sk in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)
        )
    )
    and d_qoy = {QOY}
    and d_year = {YEAR}
group by ca_zip, {GBOBC}
order by ca_zip nulls first, {GBOBC} nulls first
limit 100
